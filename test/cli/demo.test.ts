import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { scrapeJob } from "./scraped.ts";
import { PROGRAM, start } from "./start-cli.ts";

jest.setTimeout(90_000);

const GROUP = { job: "backtest", mode: "backtest", strategy: "momentum-20d" };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "closing-bell-demo-"));
  writeFileSync(join(folder, "prices.csv"), pricesThatRise(60));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("demo", () => {
  test("needs nothing, and every claim that it prints holds", async () => {
    const { code, stdout, stderr } = await runCli(["demo"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const step of ["1/9 gateway", "4/9 scrape", "9/9 outage"]) expect(stdout).toContain(step);
    expect(stdout).toContain(
      'batch_job_runs_total{instance="",job="backtest",mode="backtest",outcome="succeeded",strategy="momentum-20d"} 1\n',
    );
    expect(stdout.match(/ ok$/gm)).toHaveLength(8);
    expect(stdout).not.toMatch(/ NO$/m);
  });

  test("gives the same facts as JSON", async () => {
    const { code, stdout, stderr } = await runCli(["demo", "--json"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      gateway: { embedded: true },
      data: { rows: 5105, from: "2000-01-03", to: "2020-04-17" },
      backtest: { delivery: { status: "recorded", publication: { status: "published" } } },
      again: { totalsAdd: true, before: { trades: 177 }, after: { trades: 354 } },
      retry: { countedOnce: true, second: { status: "already_counted" } },
      failure: { failureCounted: true, lastSuccessKept: true },
      wiped: { wholeAgain: true },
      outage: {
        outcome: "succeeded",
        delivery: { status: "recorded", publication: { status: "failed" } },
        countedLater: true,
      },
    });
  });

  test("uses the gateway that PUSHGATEWAY_URL names, and leaves its figures there", async () => {
    const gateway = await startPushgateway();

    const env = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: join(folder, "state"),
    };
    const { code, stdout } = await runCli(["demo", "--json"], { env });
    const again = await runCli(["demo", "--json"], { env });

    const values = await scrapeJob(gateway.url, GROUP);
    await gateway.close();
    expect(code).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts).toMatchObject({
      ok: true,
      gateway: { url: gateway.url.origin, embedded: false },
    });
    expect(values).toMatchObject({
      portfolio_total_value: facts.backtest.result.finalValue,
      // Each demo adds to what the ledger has: 4 successes and a failure.
      'batch_job_runs_total{outcome="succeeded"}': 8,
      'batch_job_runs_total{outcome="failed"}': 2,
    });
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true });
  });

  test("takes prices from a path, and says nothing with --quiet", async () => {
    const prices = ["--prices", "prices.csv"];

    const spoken = await runCli(["demo", "--json", ...prices], { cwd: folder });
    const quiet = await runCli(["demo", "--quiet", ...prices], { cwd: folder });

    expect(JSON.parse(spoken.stdout)).toMatchObject({ ok: true, data: { rows: 60 } });
    expect(quiet).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  });

  test.each<{ name: string; prices: string; says: string }>([
    { name: "are not there", prices: "nowhere.csv", says: "nowhere.csv cannot be read: ENOENT" },
    { name: "are no prices", prices: "bad.csv", says: "bad.csv line 2" },
    {
      name: "are at a URL of another scheme",
      prices: "http://127.0.0.1/prices.csv",
      says: "expected a file: or https: URL",
    },
  ])("exits with 2 when its prices $name", async ({ prices, says }) => {
    writeFileSync(join(folder, "bad.csv"), "date,open,close\n2020-01-02,none,1\n");

    const result = await runCli(["demo", "--prices", prices], { cwd: folder });

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
    expect(result.stderr).toContain(says);
  });

  test("exits with 1 when the gateway that it shall use is down", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;

    const result = await runCli(["demo", "--gateway", url], { cwd: folder });

    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+is the gateway running there\?\n$/);
  });
});

describe("without the prices, as in an installed package, demo", () => {
  const program = () => join(folder, "package", "dist", "bin", "closing-bell.js");

  beforeAll(() => {
    mkdirSync(join(folder, "package"));
    writeFileSync(join(folder, "package", "package.json"), '{ "type": "module" }');
    cpSync(dirname(PROGRAM), dirname(program()), { recursive: true });
  });

  test("says where to get them", async () => {
    const { code, stdout, stderr } = await start(process.execPath, [program(), "demo"]).ended;

    expect({ code, stdout: stdout.toString() }).toEqual({ code: 2, stdout: "" });
    expect(stderr.toString()).toMatch(/^closing-bell: [^\n]*npm ci[^\n]*--prices[^\n]*\n$/);
  });

  test("takes others", async () => {
    const prices = pathToFileURL(join(folder, "prices.csv")).href;
    const args = [program(), "demo", "--json", "--prices", prices];

    const { code, stdout } = await start(process.execPath, args).ended;

    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString())).toMatchObject({ ok: true, data: { source: prices } });
  });
});

/** A price a day from the start of 2021, each a little above the last. */
function pricesThatRise(days: number): string {
  const rows = Array.from({ length: days }, (_, day) => {
    const date = new Date(Date.UTC(2021, 0, 1 + day)).toISOString().slice(0, 10);
    return `${date},${100 + day},${100.5 + day}`;
  });
  return ["date,open,close", ...rows, ""].join("\n");
}
