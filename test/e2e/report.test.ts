import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { scrapeJob } from "../cli/scraped.ts";
import { startCli } from "../cli/start-cli.ts";
import { runCli } from "../support/cli.ts";
import { describeWithServer } from "../support/servers.ts";
import { removeStateDirectories } from "../support/state-directory.ts";
import { STARTED_AT, startTradingSystem, type TradingSystem } from "./trading-system.ts";

jest.setTimeout(120_000);

const CONFIG = fileURLToPath(new URL("./report.json", import.meta.url));

const GROUP = { job: "portfolio_reporter", mode: "live" };

/** What every reading of a healthy system tells of its sources. */
const ALL_UP = Object.fromEntries(
  ["portfolio", "timescale", "redis", "kill_switch", "app_start"].map((source) => [up(source), 1]),
);

describeWithServer(
  "pushgateway",
  "postgres",
  "initdb",
  "redis",
)("closing-bell report", () => {
  let system: TradingSystem;

  beforeEach(async () => {
    system = await startTradingSystem();
  });

  afterEach(async () => {
    await system.stop();
    removeStateDirectories();
  });

  const report = (...args: readonly string[]) =>
    runCli(["report", "--config", CONFIG, ...args], { env: system.env });

  /** The reporter's group without what depends on the clock. */
  async function shown(): Promise<Readonly<Record<string, number>>> {
    const values = await scrapeJob(system.gateway.url, GROUP);
    return Object.fromEntries(
      Object.entries(values).filter(
        ([name]) => name === "app_start_time_seconds" || !/seconds|push_/.test(name),
      ),
    );
  }

  test("shows value, cash, positions, both connections and the kill switch", async () => {
    const { code, stderr } = await report();

    expect(stderr).toBe("closing-bell: reported 23 series of 5 sources\n");
    expect(code).toBe(0);
    expect(await shown()).toEqual({
      portfolio_total_value: 104250.75,
      portfolio_cash: 12000.5,
      current_positions_count: 7,
      daily_pnl: 0,
      total_return_pct: 4.25075,
      current_drawdown_pct: 0,
      max_drawdown_pct: 0,
      'portfolio_currency_info{currency="USD"}': 1,
      timescale_connection_status: 1,
      redis_connection_status: 1,
      kill_switch_status: 0,
      app_start_time_seconds: STARTED_AT,
      ...ALL_UP,
    });
    const { system_uptime_seconds: uptime } = await scrapeJob(system.gateway.url, GROUP);
    expect(Math.abs((uptime ?? 0) + STARTED_AT - Date.now() / 1000)).toBeLessThan(60);
  });

  test("follows the account: a loss is a drawdown, a deposit is no profit", async () => {
    await report();
    await system.setAccount({ equity: "93825.68", cash: "1", positions: 6, cashFlow: "0" });
    await report();
    await system.setAccount({
      equity: "103825.68",
      cash: "10001",
      positions: 6,
      cashFlow: "10000",
    });
    const { code } = await report();

    expect(code).toBe(0);
    expect(await shown()).toMatchObject({
      portfolio_total_value: 103825.68,
      // 93,825.68 − 104,250.75, whatever came in.
      daily_pnl: -10425.07,
      // 93,825.68 / 104,250.75 − 1.
      current_drawdown_pct: expect.closeTo(-9.99999519, 6),
      max_drawdown_pct: expect.closeTo(-9.99999519, 6),
      // 93,825.68 / 100,000 − 1.
      total_return_pct: expect.closeTo(-6.17432, 6),
    });
  });

  test("a Redis that stopped is one connection at 0 and a kill switch that is unknown, not 0", async () => {
    await report();
    const before = await shown();
    await system.redis.stop();

    const { code, stderr } = await report();

    expect(code).toBe(1);
    expect(stderr).toContain("closing-bell: unknown: kill_switch: ");
    const { kill_switch_status: _, app_start_time_seconds: __, ...others } = before;
    expect(await shown()).toEqual({
      ...others,
      redis_connection_status: 0,
      [up("redis")]: 0,
      [up("kill_switch")]: 0,
      [up("app_start")]: 0,
    });
  });

  test("a database that is frozen hides nothing of Redis, and costs its own time", async () => {
    await system.redis.command("SET", "trading:kill_switch", "1");
    system.postgres.kill("SIGSTOP");

    const { code } = await report();
    const halted = await shown();
    system.postgres.kill("SIGCONT");
    const again = await report();

    expect(code).toBe(1);
    expect(halted).toEqual({
      kill_switch_status: 1,
      redis_connection_status: 1,
      timescale_connection_status: 0,
      app_start_time_seconds: STARTED_AT,
      ...ALL_UP,
      [up("portfolio")]: 0,
      [up("timescale")]: 0,
    });
    expect(again.code).toBe(0);
    expect(await shown()).toMatchObject({ portfolio_total_value: 104250.75, ...ALL_UP });
  });

  test("publishes what waits and heals a gateway that was restarted", async () => {
    const waiting = { ...system.env, CLOSING_BELL_PUBLISH: "scheduled" };
    await runCli(["run", "-j", "nightly", "--", "true"], { env: waiting });
    expect(await scrapeJob(system.gateway.url, { job: "nightly" })).toEqual({});

    await report();

    const succeeded = 'batch_job_runs_total{outcome="succeeded"}';
    expect(await scrapeJob(system.gateway.url, { job: "nightly" })).toMatchObject({
      [succeeded]: 1,
    });
    expect(await scrapeJob(system.gateway.url, { job: "closing_bell_reporter" })).toMatchObject({
      [succeeded]: 1,
      closing_bell_ledger_pending_records: 0,
      closing_bell_ledger_unconfirmed_groups: 0,
      closing_bell_ledger_conflicting_groups: 0,
    });
  });

  test("--every looks again and again, and a signal ends it well within a second", async () => {
    const cli = startCli(["report", "--config", CONFIG, "--every", "1s"], { env: system.env });
    await cli.printed(/reported 23 series(?:.|\n)*reported 23 series/);
    const asked = performance.now();
    cli.kill("SIGTERM");
    const { code } = await cli.ended;

    expect(code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect((await shown())["portfolio_total_value"]).toBe(104250.75);
  });

  test("a signal ends it at once while a source hangs, and nothing is half done", async () => {
    await report();
    system.postgres.kill("SIGSTOP");
    const cli = startCli(["report", "--config", CONFIG, "--every", "60s"], { env: system.env });
    // Its first word about the others comes while the database is waited for.
    await untilPushed(system);
    cli.kill("SIGTERM");
    const { code, stderr } = await cli.ended;
    system.postgres.kill("SIGCONT");

    expect(code).toBe(0);
    expect(stderr.toString()).toBe("");
    // A part of a look leaves what the rest said before.
    expect(await shown()).toMatchObject({
      portfolio_total_value: 104250.75,
      kill_switch_status: 0,
    });
    expect((await report()).code).toBe(0);
  });

  test("without a ledger the figures that need no memory are told", async () => {
    const env = { ...system.env, CLOSING_BELL_LEDGER: "none" };
    const { code } = await runCli(["report", "--config", CONFIG], { env });

    expect(code).toBe(0);
    const values = await shown();
    expect(values).toMatchObject({ portfolio_total_value: 104250.75, kill_switch_status: 0 });
    expect(values).not.toHaveProperty("max_drawdown_pct");
  });
});

function up(source: string): string {
  return `closing_bell_source_up{source="${source}"}`;
}

/** Waits for a push of the reporter's group after the one that was seen. */
async function untilPushed({ gateway }: TradingSystem): Promise<void> {
  const pushTime = async () =>
    (await scrapeJob(gateway.url, GROUP))["push_time_seconds"] ?? Number.NaN;
  const first = await pushTime();
  while ((await pushTime()) === first) await pause(20);
}
