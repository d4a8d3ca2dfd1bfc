/** What a dashboard must have before it ships, and why. */
export const TRAITS = {
  // Of the dashboard.
  uid: "links and alerts lead to it: it never changes, and says what it is",
  "no-id": "a number of one Grafana's database means another dashboard in the next",
  "no-inputs": "__inputs is for the import dialog: provisioning does not fill it in",
  "read-only": "it is generated: what is changed in the browser is lost",
  tags: "the dropdown finds dashboards by their tag",
  description: "says what the page answers",
  refresh: "a page that stands still shows the past as the present",
  "time-range": "opens at a time that shows a day",
  "schema-version": "Grafana migrates what is older, each version in its own way",
  "datasource-variable": "whoever has two Prometheuses must not edit",
  variables: "job, mode and strategy can be chosen on every page",
  "mode-live": "an account's figures are the live ones until somebody chooses others",
  "all-value": "All must match what the list has, and for labels that not all have, also none",
  "unknown-variable": "is sent to Prometheus as it stands",
  "run-annotation": "a step in a chart is a run, or it is news",
  "alert-annotation": "shows what was told when",
  "dropdown-link": "one way from each dashboard to all others",
  rows: "sections have names",
  "data-age-first": "every number is as old as that",
  "board-links": "where a panel leaves off, a link goes on",
  "known-links": "a link to a dashboard that is not there",
  "runbook-links": "what is red has a page that says what to do",
  // Of a panel.
  "panel-id": "links to panels, and diffs, need a number that stays",
  columns: "Grafana has 24 columns",
  overlap: "one panel hides another",
  legible: "at 1280 pixels a column is 52 wide",
  title: "says what it shows",
  "panel-description": "says what it means and what to do when it looks bad",
  unit: "a number without one is a guess",
  thresholds: "colour is what is seen first",
  "limit-drawn": "a limit that is known is drawn in",
  "no-value": "no data is news too, and is said in words",
  "panel-datasource": "follows the choice of data source",
  targets: "asks for something",
  "ref-ids": "each query has its own name",
  legend: "says which line is which",
  "step-lines": "a pushed gauge holds its value until the next push: there is no slope between",
  // Of an expression.
  "known-series": "nobody exposes a series of this name",
  "mode-selected": "a backtest must not look like a live account",
  "raw-counter": "what a counter stands at is its whole life, and falls with its process",
  "raw-buckets": "a quantile of buckets since birth says nothing about now",
  "quantile-by-le": "a quantile needs the label le to be left",
  "rate-window": "a fixed window misses runs, or repeats them, when the zoom changes",
  today: "a number of the day is of the day so far, whatever the zoom",
  "instant-now": "the last value of a range is shown as now's long after it went",
  "honest-average": "a quantile is no average",
} as const;

export type Trait = keyof typeof TRAITS;

export type Finding = {
  readonly trait: Trait;
  /** The dashboard, or a panel of it. */
  readonly where: string;
  readonly message: string;
};

/** How a check tells what it found. */
export type Say = (trait: Trait, message: string) => void;
