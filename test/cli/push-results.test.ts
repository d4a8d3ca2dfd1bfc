import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { fixture, fixtureBytes, freqtradeZip, resultFolder } from "../results/result-files.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrape, scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

const folder = resultFolder();
let gateway: PushgatewayServer;

beforeAll(async () => {
  gateway = await startPushgateway();
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
  folder.remove();
});

/** A ledger of its own, and no holding back of new series. */
function environment(more: Readonly<Record<string, string>> = {}) {
  return {
    PUSHGATEWAY_URL: gateway.url.href,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
    ...more,
  };
}

function push(file: string, job: string, ...args: string[]) {
  return runCli(["push-results", file, "-j", job, ...args], { env: environment() });
}

describe("push-results", () => {
  test("takes a zip of freqtrade to the gateway, and counts it once", async () => {
    const file = folder.write("r.zip", freqtradeZip(fixtureBytes("freqtrade-new.json")));
    const env = environment();
    const args = ["push-results", file, "-j", "nightly", "-g", "strategy=breakout"];

    const first = await runCli(args, { env });
    const labels = 'job="nightly",mode="backtest",strategy="breakout"';
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toBe(
      `closing-bell: freqtrade Breakout: recorded for {${labels}}; published 24 series, version 1, to ${gateway.url.origin}\n`,
    );
    const group = { job: "nightly", strategy: "breakout", mode: "backtest" };
    const values = {
      portfolio_total_value: 1255.12345,
      max_drawdown_pct: -12.5,
      backtest_trades: 3,
      backtest_sharpe_ratio: 1.875,
      'trades_total{side="BUY",ticker="BTC/USDT"}': 3,
      'batch_job_runs_total{outcome="succeeded"}': 1,
    };
    expect(await scrapeJob(gateway.url, group)).toMatchObject(values);

    const again = await runCli(args, { env });
    expect(again.code).toBe(0);
    expect(again.stderr).toContain("this file was counted before for");
    expect(await scrapeJob(gateway.url, group)).toMatchObject(values);

    const named = await runCli([...args, "--run-id", "2024-01-31", "--quiet"], { env });
    expect(named).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
    expect(await scrapeJob(gateway.url, group)).toMatchObject({
      ...values,
      'trades_total{side="BUY",ticker="BTC/USDT"}': 6,
      'batch_job_runs_total{outcome="succeeded"}': 2,
    });
  });

  test("prints what it read and reported as JSON, with its peak memory", async () => {
    const file = fixture("freqtrade-old.json");
    const { code, stdout, stderr } = await push(file, "json", "--strategy", "SampleB", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const printed = JSON.parse(stdout);
    expect(printed).toMatchObject({
      format: "freqtrade",
      strategy: "SampleB",
      results: { finalValue: 0.2, currency: "BTC", trades: 0 },
      delivery: {
        status: "recorded",
        groupingKey: { job: "json", labels: { mode: "backtest" } },
        publication: { status: "published" },
      },
    });
    expect(printed.peakMemoryBytes).toBeGreaterThan(20e6);
    expect(printed.peakMemoryBytes).toBeLessThan(200e6);
  });

  test("reads anything by a mapping", async () => {
    const file = folder.write("any.json", '{"n": 8, "ret": 0.125}');
    const mapping = folder.write(
      "mapping.json",
      '{"trades": "n", "totalReturn": {"path": "ret", "unit": "fraction"}}',
    );
    const { code, stderr } = await push(file, "any", "--mapping", mapping);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^closing-bell: generic: recorded/)]);
    const values = await scrapeJob(gateway.url, { job: "any", mode: "backtest" });
    expect(values).toMatchObject({ backtest_trades: 8, total_return_pct: 12.5 });
    expect(values).not.toHaveProperty("portfolio_cash");
  });

  test("reports a backtest that failed as a failed run", async () => {
    const { code, stderr } = await push(fixture("lean-failed.json"), "broken");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^closing-bell: reported as a failed run: LEAN did not complete the backtest \(RuntimeError\): .*; lean: recorded for .*\n$/,
    );
    const values = await scrapeJob(gateway.url, { job: "broken", mode: "backtest" });
    expect(values).toMatchObject({ 'batch_job_runs_total{outcome="failed"}': 1 });
    expect(values).not.toHaveProperty("portfolio_total_value");
  });
});

describe("push-results exits", () => {
  test("with 2 and one line for a file that cannot be trusted, and nothing is pushed", async () => {
    const text = fixtureBytes("freqtrade-new.json").toString();
    const file = folder.write("bad.json", text.replace("0.25512345", "25.512345"));
    const { code, stdout, stderr } = await push(file, "untrusted", "--json");
    const says = `${file}: it contradicts itself: from 1000 to 1255.12345 is a return of 25.5123 %, but it says 2551.23 %`;
    expect([code, stderr]).toEqual([2, `closing-bell: ${says}\n`]);
    expect(JSON.parse(stdout)).toEqual({
      status: "refused",
      error: says,
      peakMemoryBytes: expect.any(Number),
    });
    const families = await scrape(gateway.url);
    const jobs = families.flatMap(({ samples }) => samples.map(({ labels }) => labels["job"]));
    expect(jobs).not.toContain("untrusted");
  });

  test("with 2 for flags that are none, and for what they forbid", async () => {
    const file = fixture("freqtrade-old.json");
    const cases = [
      { args: ["--max-size", "big"], says: "--max-size big: expected" },
      { args: ["--max-size", "1KB"], says: "more than the limit of 1024" },
      { args: ["--mapping", fixture("vectorbt.csv")], says: "vectorbt.csv is not JSON" },
      { args: ["-g", "job=x"], says: "label job is given twice" },
    ];
    const results = await Promise.all(cases.map(({ args }) => push(file, "usage", ...args)));
    for (const [index, { code, stderr }] of results.entries()) {
      expect([code, stderr]).toEqual([2, expect.stringContaining(cases[index]?.says ?? "")]);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
  });

  test("with 1 when the gateway does not answer: it is kept", async () => {
    const env = environment({ PUSHGATEWAY_URL: `http://127.0.0.1:${await freePort()}` });
    const file = fixture("vectorbt.json");
    const { code, stderr } = await runCli(["push-results", file, "-j", "down"], { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/recorded for .*; not published: /)]);
  });

  test("with 0 without a gateway, and 2 without a ledger as well", async () => {
    const { PUSHGATEWAY_URL, ...env } = environment();
    const args = ["push-results", fixture("vectorbt.json"), "-j", "alone"];
    const [kept, lost] = await Promise.all([
      runCli(args, { env }),
      runCli(args, { env: { CLOSING_BELL_LEDGER: "none" } }),
    ]);
    expect([kept.code, kept.stderr]).toEqual([0, expect.stringContaining("waits in file:")]);
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining("no gateway")]);
  });
});
