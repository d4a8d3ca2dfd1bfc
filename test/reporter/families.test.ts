import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { checkFamilies } from "../../src/push/check.ts";
import { type Reported, reportedFamilies } from "../../src/reporter/families.ts";
import type { Readings } from "../../src/reporter/readings.ts";
import type { Reading } from "../../src/sources/source.ts";
import { failed, PORTFOLIO, read } from "./reading-sources.ts";

const NOW = 1_795_305_600;

/** Of each source: what a reading of it gives besides `closing_bell_source_*`, and a failed one. */
const SOURCES: readonly {
  readonly name: string;
  readonly read: Readings;
  readonly failed: Readings;
  readonly shows: Readonly<Record<string, number>>;
  readonly without: Readonly<Record<string, number>>;
}[] = [
  {
    name: "portfolio",
    read: { portfolio: read("portfolio", PORTFOLIO) },
    failed: { portfolio: failed("portfolio") },
    shows: { 'portfolio_currency_info{currency="EUR"}': 1, broker_trading_blocked: 1 },
    without: {},
  },
  {
    name: "timescale",
    read: { timescale: read("timescale", true) },
    failed: { timescale: failed("timescale") },
    shows: { timescale_connection_status: 1 },
    without: { timescale_connection_status: 0 },
  },
  {
    name: "redis",
    read: { redis: read("redis", true) },
    failed: { redis: failed("redis") },
    shows: { redis_connection_status: 1 },
    without: { redis_connection_status: 0 },
  },
  {
    name: "kill_switch",
    read: { killSwitch: read("kill_switch", true) },
    failed: { killSwitch: failed("kill_switch") },
    shows: { kill_switch_status: 1 },
    without: {},
  },
  {
    name: "app_start",
    read: { appStart: read("app_start", NOW - 90) },
    failed: { appStart: failed("app_start") },
    shows: { app_start_time_seconds: NOW - 90, system_uptime_seconds: 90 },
    without: {},
  },
];

describe("what is unknown is absent, never 0", () => {
  test.each(SOURCES)("$name: read, failed, not configured", ({ name, ...each }) => {
    expect(valuesOf({ readings: each.read })).toEqual({
      ...each.shows,
      [`closing_bell_source_up{source="${name}"}`]: 1,
      [`closing_bell_source_read_seconds{source="${name}"}`]: 0.25,
    });
    expect(valuesOf({ readings: each.failed })).toEqual({
      ...each.without,
      [`closing_bell_source_up{source="${name}"}`]: 0,
      [`closing_bell_source_read_seconds{source="${name}"}`]: 0.5,
    });
    expect(valuesOf({ readings: {} })).toEqual({});
  });

  test("a switch that is off is 0, and so is an account that may trade", () => {
    const readings = {
      killSwitch: read("kill_switch", false),
      portfolio: read("portfolio", { isTradingBlocked: false }),
    };
    expect(valuesOf({ readings })).toMatchObject({
      kill_switch_status: 0,
      broker_trading_blocked: 0,
    });
  });

  test("figures that are not known are left out, the others told", () => {
    const figures = { totalValue: 0, dailyPnl: -1.5, currentDrawdownPct: -2 };
    expect(valuesOf({ figures })).toEqual({
      portfolio_total_value: 0,
      daily_pnl: -1.5,
      current_drawdown_pct: -2,
    });
  });

  test("all of them", () => {
    const figures = {
      ...{ totalValue: 1, cash: 2, positions: 3, dailyPnl: 4 },
      ...{ totalReturnPct: 5, maxDrawdownPct: -6, currentDrawdownPct: -7 },
    };
    expect(valuesOf({ figures })).toEqual({
      ...{ portfolio_total_value: 1, portfolio_cash: 2, current_positions_count: 3, daily_pnl: 4 },
      ...{ total_return_pct: 5, max_drawdown_pct: -6, current_drawdown_pct: -7 },
    });
  });
});

describe("the currency is", () => {
  test.each<{ name: string; own?: string; configured?: string; shown: string[] }>([
    { name: "the source's own", own: "EUR", configured: "USD", shown: ["EUR"] },
    { name: "the configured one, where the source gives none", configured: "USD", shown: ["USD"] },
    { name: "not told when nobody knows it", shown: [] },
    { name: "not told when it can be no label, and costs nothing else", own: "E\nR", shown: [] },
    { name: "not told when it is empty", own: "", configured: "USD", shown: [] },
  ])("$name", ({ own, configured, shown }) => {
    const reading = { equity: 1, ...(own === undefined ? {} : { currency: own }) };
    const values = valuesOf({
      readings: { portfolio: read("portfolio", reading) },
      figures: { totalValue: 1 },
      currency: configured,
    });
    const labels = Object.keys(values).filter((name) => name.startsWith("portfolio_currency_info"));
    expect(labels).toEqual(shown.map((each) => `portfolio_currency_info{currency="${each}"}`));
    expect(values["portfolio_total_value"]).toBe(1);
  });
});

test("an application that starts in the future has been up for no time", () => {
  const readings = { appStart: read("app_start", NOW + 5) };
  expect(valuesOf({ readings })).toMatchObject({ system_uptime_seconds: 0 });
});

test("of a part nothing is said of the sources themselves: it would replace what was said of others", () => {
  const readings = { killSwitch: read("kill_switch", true), redis: failed<true>("redis") };
  expect(valuesOf({ readings, isWhole: false })).toEqual({
    kill_switch_status: 1,
    redis_connection_status: 0,
  });
});

/** Which source each gauge is of. */
const OF_SOURCE: Readonly<Record<string, keyof Readings>> = {
  portfolio_currency_info: "portfolio",
  broker_trading_blocked: "portfolio",
  kill_switch_status: "killSwitch",
  app_start_time_seconds: "appStart",
  system_uptime_seconds: "appStart",
};

test("whatever was read, the gateway takes it, without NaN and without gauges of what failed", () => {
  const any = <T>(name: string, value: fc.Arbitrary<T>): fc.Arbitrary<Reading<T> | undefined> =>
    fc.oneof(
      fc.constant(undefined),
      fc.constant(failed<T>(name)),
      value.map((each) => read(name, each)),
    );
  const amount = fc.option(fc.double(), { nil: undefined });
  const portfolio = fc.record(
    {
      currency: fc.string({ unit: "binary" }),
      isTradingBlocked: fc.boolean(),
      equity: fc.double(),
    },
    { requiredKeys: [] },
  );
  const figures = fc.record({ totalValue: amount, cash: amount, maxDrawdownPct: amount });
  const readings = fc.record({
    portfolio: any("portfolio", portfolio),
    timescale: any("timescale", fc.constant(true as const)),
    redis: any("redis", fc.constant(true as const)),
    killSwitch: any("kill_switch", fc.boolean()),
    appStart: any("app_start", fc.double()),
  });
  fc.assert(
    fc.property(readings, figures, fc.boolean(), (all, known, isWhole) => {
      const given = without(all) as Readings;
      const reported = { readings: given, figures: without(known), currency: "USD", now: NOW };
      const families = reportedFamilies({ ...reported, isWhole });
      checkFamilies(families, groupingKey("portfolio_reporter", { mode: "live" }));
      for (const [name, value] of Object.entries(flat(families))) {
        expect(Number.isFinite(value)).toBe(true);
        const source = OF_SOURCE[name.replace(/\{.*/s, "")];
        if (source !== undefined) expect(given[source]?.status).toBe("read");
      }
    }),
  );
});

function without<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const known = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function valuesOf(reported: Partial<Reported>): Readonly<Record<string, number>> {
  const nothing = {
    readings: {},
    figures: undefined,
    currency: undefined,
    now: NOW,
    isWhole: true,
  };
  return flat(reportedFamilies({ ...nothing, ...reported }));
}

function flat(families: readonly MetricFamily[]): Readonly<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const family of families) {
    expect(family.type).toBe("gauge");
    if (family.type !== "gauge") continue;
    for (const { labels, value } of family.samples) {
      const text = Object.entries(labels).map(([name, of]) => `${name}="${of}"`);
      values[text.length === 0 ? family.name : `${family.name}{${text}}`] = value;
    }
  }
  return values;
}
