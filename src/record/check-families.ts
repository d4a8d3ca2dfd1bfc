import { InvalidMetricError } from "../errors.ts";
import { type GroupingKey, LABEL_NAME, labelValueProblem } from "../grouping-key.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { type LabelSet, METRIC_NAME } from "../metrics/exposition/family.ts";
import { labelKey, type RecordFamily } from "./record-family.ts";

/** Families that a gateway makes itself, and those that the ledger adds to every group. */
const RESERVED_FAMILIES =
  /^(?:push_time_seconds|push_failure_time_seconds|(?:pushgateway|promhttp|go|process)_.*|closing_bell_ledger_version|closing_bell_ledger_scrape_errors_total|closing_bell_rejected_records_total)$/;

/** What the ledger adds to every group, and the label by which it says whose totals these are. */
const LEDGER_FAMILY = "closing_bell_ledger_version";
const LEDGER_LABEL = "ledger_id";

/** A run counts these too, so they are no reserved family; the ledger adds its own to one series. */
const DROPPED_LABEL_SETS = runCatalogue.droppedLabelSetsTotal.name;

/** Labels of series inside a histogram or summary, and the one that the group's path decides. */
const RESERVED_LABELS: readonly string[] = ["job", "le", "quantile"];

/** Longest name or help text, in UTF-16 code units. */
const MAX_TEXT = 1024;

/**
 * Refuses what a gateway would refuse or what would break a scrape. Before the append and not at the
 * push: once a record is folded, its faults are every later run's.
 *
 * @throws {InvalidMetricError} naming the metric and, where there is one, the label.
 */
export function checkRecordFamilies(families: readonly RecordFamily[], group: GroupingKey): void {
  if (Object.hasOwn(group.labels, LEDGER_LABEL)) {
    throw new InvalidMetricError(
      LEDGER_FAMILY,
      `the grouping label ${LEDGER_LABEL} is its own, and it is in every group; name the label otherwise`,
    );
  }
  const owners = new Map<string, string>();
  for (const family of families) {
    const { name } = family;
    checkName(family);
    for (const series of seriesNames(family)) {
      const owner = owners.get(series);
      if (owner !== undefined) {
        throw new InvalidMetricError(
          name,
          owner === name ? "is given twice" : `its series ${series} is also one of ${owner}`,
        );
      }
      owners.set(series, name);
    }
    const seen = new Set<string>();
    for (const { labels } of family.samples) {
      checkLabels(name, labels, group);
      const key = labelKey(labels);
      if (seen.has(key)) throw new InvalidMetricError(name, `the series ${key} is given twice`);
      seen.add(key);
    }
    if (family.type === "histogram") checkBounds(name, family.bounds);
  }
}

/** Names under which a family's series are stored: two families must not share one. */
export function seriesNames({
  type,
  name,
}: Pick<RecordFamily, "type" | "name">): readonly string[] {
  if (type !== "histogram") return [name];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
}

function checkName({ type, name, help, samples }: RecordFamily): void {
  if (!METRIC_NAME.test(name) || name.length > MAX_TEXT) {
    throw new InvalidMetricError(JSON.stringify(name.slice(0, 100)), "is not a metric name");
  }
  const isOtherThanOurs =
    type !== "counter" || samples.some(({ labels }) => Object.keys(labels).length > 0);
  if (RESERVED_FAMILIES.test(name) || (name === DROPPED_LABEL_SETS && isOtherThanOurs)) {
    throw new InvalidMetricError(
      name,
      "is one of the gateway's or the ledger's own families; rename or leave it out",
    );
  }
  if (help !== undefined && (help.length > MAX_TEXT || /\p{Surrogate}/u.test(help))) {
    throw new InvalidMetricError(name, `its help text is too long or not well-formed Unicode`);
  }
}

function checkLabels(metric: string, labels: LabelSet, group: GroupingKey): void {
  for (const [name, value] of Object.entries(labels)) {
    if (!LABEL_NAME.test(name)) {
      throw new InvalidMetricError(metric, `label name ${JSON.stringify(name)} is not usable`);
    }
    if (Object.hasOwn(group.labels, name)) {
      throw new InvalidMetricError(metric, `label ${name} is also a grouping label`);
    }
    if (RESERVED_LABELS.includes(name)) {
      throw new InvalidMetricError(metric, `label ${name} is reserved`);
    }
    const problem = labelValueProblem(value);
    if (problem !== undefined) throw new InvalidMetricError(metric, `label ${name} ${problem}`);
  }
}

function checkBounds(metric: string, bounds: readonly number[]): void {
  for (const [index, bound] of bounds.entries()) {
    if (!Number.isFinite(bound) || bound <= (bounds[index - 1] ?? Number.NEGATIVE_INFINITY)) {
      throw new InvalidMetricError(metric, "its buckets are not finite and strictly ascending");
    }
  }
}
