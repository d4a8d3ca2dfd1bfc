import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { endPublishing } from "../publish/publishing.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { NIGHT, success } from "../support/run-records.ts";
import { answering, failing, held, PORTFOLIO } from "./reading-sources.ts";
import { brokenLedger, GOES_ON, hangingLedger, shown, startReporter, up } from "./reporting.ts";

afterEach(endPublishing);

const SOURCES = {
  portfolio: answering("portfolio", PORTFOLIO),
  killSwitch: answering("kill_switch", true),
};

const FIGURES = {
  ...{ portfolio_total_value: 10_500, portfolio_cash: 500, current_positions_count: 3 },
  ...{ 'portfolio_currency_info{currency="EUR"}': 1, broker_trading_blocked: 1 },
  ...{ kill_switch_status: 1, [up("portfolio")]: 1, [up("kill_switch")]: 1 },
};

const TRACKED = { daily_pnl: 0, current_drawdown_pct: 0, max_drawdown_pct: 0 };

const OWN = { job: "closing_bell_reporter" };

describe("one look", () => {
  test("replaces the figures' group, and says what it came to", async () => {
    const bench = await startReporter({ sources: SOURCES });
    const look = await bench.reporter.look(GOES_ON);

    expect(look).toMatchObject({
      push: { status: "delivered", series: 13 },
      figures: { totalValue: 10_500, currentDrawdownPct: 0 },
      delivery: { status: "recorded" },
      pruned: [],
    });
    expect(look).not.toHaveProperty("ledgerError");
    expect(await shown(bench)).toEqual({ ...FIGURES, ...TRACKED });
  });

  test("of fewer sources leaves nothing of those before: the whole is a PUT", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await bench.reporter.look(GOES_ON);
    const { gateway, ledger } = bench;
    const sources = { killSwitch: answering("kill_switch", false) };
    const later = await startReporter({ gateway, ledger, sources });
    await later.reporter.look(GOES_ON);
    expect(await shown(bench)).toEqual({ kill_switch_status: 0, [up("kill_switch")]: 1 });
  });

  test("is a run of its own, counted in the ledger, whose group is published with its health", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await bench.reporter.look(GOES_ON);
    bench.clock.advance(60);
    const { publications } = await bench.reporter.look(GOES_ON);

    expect(publications).toMatchObject([
      { groupingKey: groupingKey("closing_bell_reporter"), status: "published", version: 2 },
    ]);
    expect(await shown(bench, OWN)).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 2,
      batch_job_last_success_timestamp_seconds: NIGHT + 60,
      closing_bell_ledger_pending_records: 0,
      closing_bell_ledger_unconfirmed_groups: 0,
      closing_bell_ledger_conflicting_groups: 0,
    });
  });

  test("publishes what waits", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await bench.ledger.append(success("a"));
    await bench.reporter.look(GOES_ON);
    expect(await shown(bench, { job: "nightly", mode: "backtest" })).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 1,
    });
  });

  test("puts no counter into the figures' group, and no mode is needed for it", async () => {
    const bench = await startReporter({ sources: SOURCES });
    const { delivery } = await bench.reporter.look(GOES_ON);
    const { requests } = bench.gateway;
    const direct = requests.find(({ path }) => path.includes("portfolio_reporter"));
    expect(direct?.method).toBe("PUT");
    expect(direct?.body.toString()).not.toMatch(/# TYPE \S+ (?!gauge)/);
    expect(delivery).not.toHaveProperty("refusals");
  });

  test("with a source that cannot be read arrives with the others, and is a success", async () => {
    const sources = { ...SOURCES, killSwitch: failing<boolean>("kill_switch") };
    const bench = await startReporter({ sources });
    await bench.reporter.look(GOES_ON);
    const { kill_switch_status: _, ...others } = FIGURES;
    expect(await shown(bench)).toEqual({ ...others, ...TRACKED, [up("kill_switch")]: 0 });
    expect(await shown(bench, OWN)).toMatchObject({
      batch_job_last_success_timestamp_seconds: NIGHT,
    });
  });

  test("without a ledger is the figures that need no memory, and nothing else", async () => {
    const bench = await startReporter({ sources: SOURCES, isCounting: false });
    const look = await bench.reporter.look(GOES_ON);
    expect(look).toMatchObject({ publications: [], pruned: [] });
    expect(look).not.toHaveProperty("delivery");
    expect(bench.gateway.seen()).toEqual(["PUT"]);
    expect(await shown(bench)).toEqual(FIGURES);
  });
});

describe("the figures arrive", () => {
  test("though the ledger is down, and the look says why the rest did not", async () => {
    const bench = await startReporter({ sources: SOURCES, ledger: brokenLedger() });
    const look = await bench.reporter.look(GOES_ON);

    expect(look).toMatchObject({
      push: { status: "delivered" },
      trackingError: { message: "the disk is on fire" },
      ledgerError: { message: "the disk is on fire" },
      healthError: { message: "the disk is on fire" },
      delivery: { status: "logged" },
      publications: [{ status: "failed" }],
    });
    expect(await shown(bench)).toEqual(FIGURES);
    // The run is not lost.
    expect(bench.logged).toEqual([expect.stringMatching(/^\{"closing_bell_record":1,/)]);
  });

  test("though the ledger hangs, and the figures that need no memory are told", async () => {
    const bench = await startReporter({ sources: SOURCES, ledger: hangingLedger() });
    const stop = new AbortController();
    const look = bench.reporter.look(stop.signal);
    while (!("kill_switch_status" in (await shown(bench)))) await turn();
    stop.abort(new Error("seen enough"));
    await expect(look).rejects.toThrow("seen enough");

    const figures = await shown(bench);
    expect(figures).toMatchObject({ portfolio_total_value: 10_500, kill_switch_status: 1 });
    expect(figures).not.toHaveProperty("max_drawdown_pct");
  });

  test("though nothing can be published, whose conflicts nobody knows then", async () => {
    const ledger = createMemoryLedger();
    const bench = await startReporter({ sources: SOURCES, ledger });
    await ledger.append(success("a"));
    bench.gateway.meddle(({ method }) => (method === "GET" ? 404 : undefined));
    const look = await bench.reporter.look(GOES_ON);
    bench.gateway.passOn();

    expect(look).toMatchObject({
      push: { status: "delivered" },
      ledgerError: { code: "ERR_PUSH" },
      delivery: { status: "recorded" },
    });
    expect(await shown(bench)).toEqual({ ...FIGURES, ...TRACKED });
    const items = [];
    for await (const item of ledger.pending(groupingKey(OWN.job))) items.push(item);
    const [own] = items.flatMap((item) => (item.status === "record" ? [item.record] : []));
    const names = own?.families.map(({ name }) => name);
    expect(names).toContain("closing_bell_ledger_pending_records");
    expect(names).not.toContain("closing_bell_ledger_conflicting_groups");
  });

  test("while a source hangs: a part that leaves what the rest said before, then the whole", async () => {
    const before = await startReporter({
      sources: { ...SOURCES, redis: answering("redis", true as const) },
    });
    await before.reporter.look(GOES_ON);
    const { gateway, ledger } = before;
    gateway.seen();
    const slow = held("portfolio", { equity: 21_000 });
    const sources = {
      portfolio: slow.source,
      redis: failing<true>("redis"),
      killSwitch: answering("kill_switch", false),
    };
    const { reporter } = await startReporter({ gateway, ledger, sources });
    let atPart: Readonly<Record<string, number>> | undefined;
    gateway.meddle(async ({ method, path }) => {
      if (method !== "POST" || !path.includes("portfolio_reporter")) return undefined;
      await gateway.send(gateway.requests.at(-1) as (typeof gateway.requests)[number]);
      gateway.passOn();
      atPart = await shown(before);
      slow.release();
      return 200;
    });
    const look = await reporter.look(GOES_ON);

    // What the portfolio said, and whether it could be read, stands as it was.
    expect(atPart).toEqual({
      ...{ ...FIGURES, ...TRACKED, kill_switch_status: 0, redis_connection_status: 0 },
      [up("redis")]: 1,
    });
    expect(look.push).toEqual({ status: "delivered", series: expect.any(Number) });
    expect(await shown(before)).toMatchObject({
      portfolio_total_value: 21_000,
      [up("redis")]: 0,
      [up("portfolio")]: 1,
    });
    const verbs = gateway.requests.filter(({ path }) => path.includes("portfolio_reporter"));
    expect(verbs.map(({ method }) => method)).toEqual(["PUT", "POST", "PUT"]);
  });

  test("not of a part that says nothing", async () => {
    const slow = held("kill_switch", true);
    const sources = { portfolio: failing<object>("portfolio"), killSwitch: slow.source };
    const bench = await startReporter({ sources, isCounting: false });
    setTimeout(slow.release, 1200);
    expect(await bench.reporter.look(GOES_ON)).toMatchObject({ push: { status: "delivered" } });
    expect(bench.gateway.seen()).toEqual(["PUT"]);
  });
});
