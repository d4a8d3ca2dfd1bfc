import { fires, never, quiet, type RuleTestFile, series } from "../rule-test.ts";

const LIVE = { job: "portfolio_reporter", mode: "live" };
const PAPER = { job: "portfolio_reporter", mode: "paper" };

const pushed = (labels = LIVE) => series("push_time_seconds", labels);
const up = (source: string, labels = LIVE) =>
  series("closing_bell_source_up", { ...labels, source });

/** Of a reporter that looks every minute, `maxAge` seconds old at most. */
export function sourceTests(maxAge: number, isExpected: boolean): RuleTestFile {
  // Overdue 10 minutes after the test begins.
  const before = 600 - maxAge;
  return {
    name: "sources",
    about: "The reporter's silence, and sources that it cannot read.",
    rules: ["freshness", "sources"],
    evaluationInterval: "1m",
    tests: [
      {
        name: "ReporterStale fires when the last push is too old, through a scrape that fails, and ends",
        series: { [pushed()]: `${before}x10 stale ${before}x7 1200x4` },
        expect: [
          ...quiet("ReporterStale", "10m"),
          fires("ReporterStale", "11m", { labels: { ...LIVE, severity: "critical" } }),
          fires("ReporterStale", "12m", {
            labels: { ...LIVE, severity: "critical" },
            summary: `The reporter last pushed ${humanDuration(maxAge + 120)} ago.`,
          }),
          ...quiet("ReporterStale", "20m"),
        ],
      },
      {
        name: "ReporterStale of a paper account wakes nobody; where both report, each is its own",
        series: { [pushed(PAPER)]: `${before}x30`, [pushed()]: "0+60x30" },
        expect: [
          fires("ReporterStale", "15m", {
            labels: { ...PAPER, severity: "warning" },
            summary: `The reporter last pushed ${humanDuration(maxAge + 300)} ago.`,
          }),
        ],
      },
      isExpected
        ? {
            name: "ReporterStale fires when there never was a reporter, after 5 minutes",
            series: { [pushed({ job: "backtest", mode: "backtest" })]: "0x10" },
            expect: [
              ...quiet("ReporterStale", "4m"),
              fires("ReporterStale", "5m", {
                labels: { job: "portfolio_reporter", severity: "critical", reason: "absent" },
                summary: "The reporter has not pushed within an hour, or never.",
              }),
            ],
          }
        : {
            name: "ReporterStale expects no reporter where the catalogue has none",
            series: { [pushed({ job: "backtest", mode: "backtest" })]: "0x10" },
            expect: [never("ReporterStale", "10m")],
          },
      {
        name: "SourceDown wakes people for the kill switch after 2 minutes, survives a scrape that fails, and ends",
        series: { [up("kill_switch")]: "1x2 0 stale 0x10 1x10" },
        expect: [
          ...quiet("SourceDown", "4m"),
          fires("SourceDown", "5m", {
            labels: { ...LIVE, source: "kill_switch", severity: "critical" },
            summary: "The kill switch cannot be read: nobody knows whether trading is halted.",
          }),
          ...quiet("SourceDown", "17m"),
        ],
      },
      {
        name: "SourceDown of anything else, and of a paper account's kill switch, is a warning after 5 minutes",
        series: {
          [up("portfolio")]: "1x2 0x2 stale 0x20",
          [up("redis")]: "1x30",
          [up("kill_switch", PAPER)]: "0x30",
        },
        expect: [
          ...quiet("SourceDown", "4m"),
          fires("SourceDown", "6m", {
            labels: { ...PAPER, source: "kill_switch", severity: "warning" },
            summary: "The reporter cannot read kill_switch.",
          }),
          fires(
            "SourceDown",
            "8m",
            {
              labels: { ...LIVE, source: "portfolio", severity: "warning" },
              summary: "The reporter cannot read portfolio.",
            },
            {
              labels: { ...PAPER, source: "kill_switch", severity: "warning" },
              summary: "The reporter cannot read kill_switch.",
            },
          ),
        ],
      },
      {
        name: "SourceDown is silent while the reporter is",
        series: {
          [up("kill_switch")]: "0x60",
          [up("portfolio")]: "0x60",
          [pushed()]: `${-maxAge - 60}x60`,
        },
        expect: [never("SourceDown", "1h")],
      },
    ],
  };
}

/** As Prometheus writes a duration of minutes or hours. */
export function humanDuration(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const;
  const largest = units.findIndex(([, size]) => seconds >= size);
  let rest = seconds;
  return units
    .slice(largest)
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return `${count}${unit}`;
    })
    .join(" ");
}
