import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { scrape } from "../cli/scraped.ts";
import { runCli } from "../support/cli.ts";
import { describeWithServer, findServer, serverEnvironment } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

const SCRIPT = fileURLToPath(new URL("./backtest.py", import.meta.url));

describeWithServer("python3", "prometheus_client")("a Python script with prometheus_client", () => {
  let gateway: PushgatewayServer;
  let env: Readonly<Record<string, string>>;
  beforeEach(async () => {
    gateway = await startPushgateway();
    env = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: stateDirectory(),
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    };
  });
  afterEach(() => gateway.close());
  afterAll(removeStateDirectories);

  /** Runs it with how many trades it makes, its ratio and its exit code. */
  function backtest(...args: readonly string[]) {
    const library = dirname(dirname(findServer("prometheus_client") ?? ""));
    const { LD_LIBRARY_PATH = "" } = serverEnvironment("python3");
    // Of Python alone: what it may bring along is not meant for Node.
    const variables = [`PYTHONPATH=${library}`, `LD_LIBRARY_PATH=${LD_LIBRARY_PATH}`];
    const python = ["env", ...variables, findServer("python3") ?? "", SCRIPT];
    return runCli(["run", "-j", "backtest", "--", ...python, ...args], { env });
  }

  /** What the gateway shows of the script's own families. */
  async function shown(): Promise<readonly MetricFamily[]> {
    const families = await scrape(gateway.url);
    return families.filter(
      ({ name, samples }) =>
        !/^(?:batch_job|closing_bell|push)_/.test(name) &&
        samples.some(({ labels }) => labels["job"] === "backtest"),
    );
  }

  test("adds its counts to the totals and sets its gauges, and nothing else is shown", async () => {
    const first = await backtest("3", "1.5", "0");
    const second = await backtest("4", "0.7", "0");

    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toMatch(/^closing-bell: backtest succeeded [^\n]+\n$/);
    expect(first.stderr).not.toContain("left out");
    expect(second.code).toBe(0);
    // Of python_*, process_* and strategy_*_created there is none.
    expect(await shown()).toMatchObject([
      {
        type: "histogram",
        name: "strategy_fill_seconds",
        help: "Time to a fill.",
        samples: [
          {
            buckets: [
              { upperBound: 1, cumulativeCount: 4 },
              { upperBound: 5, cumulativeCount: 7 },
              { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 7 },
            ],
            count: 7,
            sum: 9,
          },
        ],
      },
      { type: "gauge", name: "strategy_sharpe_ratio", samples: [{ value: 0.7 }] },
      {
        type: "counter",
        name: "strategy_trades_total",
        samples: [{ labels: { side: "BUY" }, value: 7 }],
      },
    ]);
  });

  test("that fails adds its counts, and keeps the gauges of the last success", async () => {
    await backtest("3", "1.5", "0");
    const failed = await backtest("2", "-9", "3");

    expect(failed.code).toBe(3);
    expect(await shown()).toMatchObject([
      { name: "strategy_fill_seconds", samples: [{ count: 5 }] },
      { name: "strategy_sharpe_ratio", samples: [{ value: 1.5 }] },
      { name: "strategy_trades_total", samples: [{ value: 5 }] },
    ]);
  });

  test("is told which of its families cannot be taken, and keeps the others", async () => {
    const { code, stderr } = await backtest("3", "1.5", "0", "summary");

    expect(code).toBe(0);
    expect(stderr).toMatch(
      /; left out: metrics file: metric strategy_latency: is a summary[^\n]*\n$/,
    );
    expect((await shown()).map(({ name }) => name)).toEqual([
      "strategy_fill_seconds",
      "strategy_sharpe_ratio",
      "strategy_trades_total",
    ]);
  });
});
