import { ledgerCatalogue } from "../../ledger/own-families.ts";
import { TRADING_AREAS } from "../../metrics/definition.ts";
import { ownDefinitions } from "../../metrics/own-definitions.ts";
import { isAlert, type RuleFile } from "../rule.ts";
import type { Known } from "./lint/expression.ts";

/** What Prometheus, its rules and the Pushgateway expose by themselves. */
const OTHERS = [
  "up",
  "ALERTS",
  "ALERTS_FOR_STATE",
  "push_time_seconds",
  "push_failure_time_seconds",
  "pushgateway_http_requests_total",
];

/** What a dashboard beside these rules can ask for. */
export function knownSeries(rules: readonly RuleFile[]): Known {
  const families = [...ownDefinitions, ...Object.values(ledgerCatalogue)];
  const series = families.flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => name + suffix) : [name],
  );
  const records = rules.flatMap((file) =>
    file.rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record])),
  );
  const trading = families.filter(({ area }) => TRADING_AREAS.has(area)).map(({ name }) => name);
  return {
    series: new Set([...series, ...records, ...OTHERS]),
    trading: new Set(trading),
  };
}
