import type { MetricFamily } from "../metrics/exposition/family.ts";
import {
  catalogueGaugeKind,
  compareText,
  type GaugeValues,
  type RecordFamily,
  recordFamily,
} from "../record/record-family.ts";
import { ledgerCatalogue } from "./own-families.ts";
import type { FamilyTotals, Stamp, Totals } from "./snapshot.ts";

/** Many runs add up to more than one may add. Above it a double no longer has whole numbers, by far. */
const MAX_TOTAL = 1e20;

/** Before every run: whatever one of them says is newer. */
const BEFORE_ALL: Stamp = { at: 0, id: "" };

/**
 * Totals that begin with what a gateway shows, without what its ledger told about itself. Gauges stay
 * until a run says something newer. Pure.
 *
 * @throws {InvalidMetricError} for values that no totals can hold.
 */
export function adoptedTotals(families: readonly MetricFamily[]): Totals {
  const rejectedName: string = ledgerCatalogue.rejectedRecordsTotal.name;
  const own: readonly string[] = [ledgerCatalogue.ledgerVersion.name, rejectedName];
  const kept = families
    // Quantiles of several runs cannot be added.
    .filter(({ type }) => type !== "summary")
    .filter(({ name, samples }) => !own.includes(name) && samples.length > 0)
    .map((family) => recordFamily(family, catalogueGaugeKind(family.name), MAX_TOTAL))
    .sort((a, b) => compareText(a.name, b.name));
  const results = kept.filter(isResult).map(({ name, samples }) => ({ name, samples }));
  const resultNames = new Set(results.map(({ name }) => name));
  const rejected = families.find(({ name }) => name === rejectedName);
  return {
    records: 0,
    rejected: rejected?.type === "counter" ? (rejected.samples[0]?.value ?? 0) : 0,
    rejections: [],
    droppedLabelSets: 0,
    families: kept.map((family) => totalsOf(family, resultNames)),
    ...(results.length === 0 ? {} : { results: { ...BEFORE_ALL, families: results } }),
  };
}

function totalsOf(family: RecordFamily, results: ReadonlySet<string>): FamilyTotals {
  const { name, help } = family;
  const head = { name, ...(help === undefined ? {} : { help }), stamp: BEFORE_ALL };
  switch (family.type) {
    case "counter":
      return { type: family.type, ...head, samples: family.samples };
    case "histogram":
      return { type: family.type, ...head, bounds: family.bounds, samples: family.samples };
    default: {
      // Results are kept as one set.
      const samples = results.has(name)
        ? []
        : family.samples.map((sample) => ({ ...sample, ...BEFORE_ALL }));
      return { type: family.type, ...head, samples };
    }
  }
}

function isResult(family: RecordFamily): family is GaugeValues {
  return (
    "kind" in family && family.kind === "result" && !family.name.endsWith("_timestamp_seconds")
  );
}
