import { selector } from "./expectations.ts";
import type { Yaml } from "./yaml.ts";

/** One test for promtool: series, and what fires of them when. Time begins at 0. */
export type RuleTest = {
  readonly name: string;
  /** Between samples of the series. Default 1m. */
  readonly interval?: string;
  readonly series: Readonly<Record<string, string>>;
  readonly expect: readonly Expected[];
};

/** All that fires under an alert's name (and further labels, if there are any) at one time. */
export type Expected = {
  readonly alert: string;
  /** `10m`; with `over`, the end of that time. */
  readonly at: string;
  /** Only alerts with these labels are looked at. */
  readonly where?: Labels;
  readonly firing: readonly Firing[];
  /** Nothing fired at any time within so long. */
  readonly over?: string;
};

/** An alert that fires. With a summary, all its annotations are compared. */
export type Firing = { readonly labels: Labels; readonly summary?: string };

export type Labels = Readonly<Record<string, string>>;

/** One file of tests. */
export type RuleTestFile = {
  /** Name of the file. */
  readonly name: string;
  readonly about: string;
  /** Subjects of the rules that it needs, in the order in which they are evaluated. */
  readonly rules: readonly string[];
  readonly evaluationInterval: string;
  readonly tests: readonly RuleTest[];
};

export function fires(alert: string, at: string, ...firing: readonly Firing[]): Expected {
  return { alert, at, firing };
}

export function quiet(alert: string, ...times: readonly string[]): readonly Expected[] {
  return times.map((at) => ({ alert, at, firing: [] }));
}

/** Nothing of that name fires from 0 to then. */
export function never(alert: string, over: string): Expected {
  return { alert, at: over, firing: [], over };
}

/** A series as PromQL writes it: `up{job="pushgateway"}`. */
export function series(metric: string, labels: Labels): string {
  return `${metric}${selector(labels)}`;
}

/** How annotations of an alert read, for labels of one that fires. */
export type Annotations = (alert: string, firing: Firing) => Labels;

export function plainTest(test: RuleTest, annotations: Annotations): Yaml {
  const isWhole = ({ firing }: Expected) =>
    firing.length > 0 && firing.every(({ summary }) => summary !== undefined);
  const whole = test.expect.filter(isWhole);
  const others = test.expect.filter((each) => !isWhole(each));
  return {
    name: test.name,
    interval: test.interval ?? "1m",
    input_series: Object.entries(test.series).map(([name, values]) => ({ series: name, values })),
    ...(others.length === 0 ? {} : { promql_expr_test: others.map(plainQuery) }),
    ...(whole.length === 0
      ? {}
      : {
          alert_rule_test: whole.map(({ alert, at, firing }) => ({
            eval_time: at,
            alertname: alert,
            exp_alerts: firing.map((each) => ({
              exp_labels: each.labels,
              exp_annotations: annotations(alert, each),
            })),
          })),
        }),
  };
}

function plainQuery({ alert, at, where, firing, over }: Expected): Yaml {
  const alerts = selector({ alertname: alert, alertstate: "firing", ...where });
  return {
    expr: over === undefined ? `ALERTS${alerts}` : `count_over_time(ALERTS${alerts}[${over}])`,
    eval_time: at,
    exp_samples: firing.map(({ labels }) => ({
      labels: `ALERTS${selector({ alertname: alert, alertstate: "firing", ...labels })}`,
      value: 1,
    })),
  };
}
