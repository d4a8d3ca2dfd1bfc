import { afterAll, describe, expect, test } from "@jest/globals";
import type { Context } from "aws-lambda";
import { Counter, Registry } from "prom-client";
import { InvalidOptionError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import type { ReportingOptions } from "../../src/lambda/reporting-handler.ts";
import { recordDecision } from "../../src/metrics/ai.ts";
import type { RunReport } from "../../src/publish/delivery.ts";
import { removeStateDirectories } from "../support/state-directory.ts";
import {
  contextOf,
  gate,
  outcomes,
  reportQueue,
  startFunction,
  totals,
} from "./lambda-functions.ts";

afterAll(removeStateDirectories);

const KEY = groupingKey("nightly");

describe("an invocation", () => {
  test("that succeeds is recorded before the handler returns what the body returned", async () => {
    const { reportingHandler, ledger, time, told } = startFunction();
    const handler = reportingHandler<{ n: number }, string>(
      { job: "nightly" },
      async (event, context, run) => {
        run.metrics.agentAnalysesTotal.inc(event.n);
        time.advance(1.5);
        return `${context.awsRequestId} done`;
      },
    );
    expect(await handler({ n: 7 }, contextOf(time, 3000))).toBe("r-1 done");
    expect(await totals(ledger, KEY)).toMatchObject({
      agent_analyses_total: 7,
      batch_job_duration_seconds: 1.5,
      'batch_job_runs_total{"outcome":"succeeded"}': 1,
    });
    expect(told).toEqual([]);
  });

  test("that throws is recorded, and throws the very same", async () => {
    const { reportingHandler, ledger, time, told } = startFunction();
    const error = { not: "even an Error" };
    const handler = reportingHandler({ job: "nightly" }, (_event, _context, { metrics }) => {
      metrics.agentAnalysesTotal.inc();
      throw error;
    });
    const thrown = await handler({}, contextOf(time, 3000)).catch((caught: unknown) => caught);
    expect(thrown).toBe(error);
    expect(await outcomes(ledger, KEY)).toEqual({ failed: 1 });
    expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 1 });
    expect(told).toEqual([]);
  });

  test("has two parameters: with a third, Lambda would wait for a callback", () => {
    expect(startFunction().reportingHandler({ job: "nightly" }, () => {})).toHaveLength(2);
  });

  test("without a context, as a test may call it, has no deadline", async () => {
    const { reportingHandler, ledger } = startFunction();
    const handler = reportingHandler({ job: "nightly" }, () => "mine");
    expect(await handler({}, undefined as unknown as Context)).toBe("mine");
    expect(await outcomes(ledger, KEY)).toEqual({ succeeded: 1 });
  });

  test("begins what is slow on its first line, and is not hurt by it", async () => {
    const order: string[] = [];
    const prepare = () => {
      order.push("prepare");
      throw new Error("no secrets today");
    };
    const { reportingHandler, time } = startFunction({ prepare });
    const handler = reportingHandler({ job: "nightly" }, () => order.push("body"));
    expect(await handler({}, contextOf(time, 3000))).toBe(2);
    expect(order).toEqual(["prepare", "body"]);
  });

  test("reports what a prom-client registry grew by during it", async () => {
    const { reportingHandler, ledger, time } = startFunction();
    const registry = new Registry();
    const rows = new Counter({ name: "rows_total", help: "Rows.", registers: [registry] });
    rows.inc(100);
    const options = { job: "nightly", registries: [registry] };
    const handler = reportingHandler(options, () => rows.inc(7));
    await handler({}, contextOf(time, 3000));
    await handler({}, contextOf(time, 3000));
    expect(await totals(ledger, KEY)).toMatchObject({ rows_total: 14 });
  });
});

describe("several invocations at once in one process", () => {
  test("never mix, neither by context nor by the metrics they are given", async () => {
    const reports: RunReport[] = [];
    const { reportingHandler, time } = startFunction({
      delivery: async (report) => {
        reports.push(report);
        return { status: "disabled", reason: "kept" };
      },
    });
    const all = gate();
    let arrived = 0;
    const handler = reportingHandler<string, string>({ job: "nightly" }, async (ticker, _, run) => {
      recordDecision({ ticker, action: "BUY" });
      if (++arrived === 20) all.open();
      await all.passed;
      recordDecision({ ticker, action: "SELL" });
      run.metrics.agentDecisionsTotal.inc({ ticker, action: "HOLD" });
      return ticker;
    });
    const tickers = Array.from({ length: 20 }, (_, index) => `T${index}`);
    const results = await Promise.all(
      tickers.map((ticker) => handler(ticker, contextOf(time, 3000))),
    );
    expect(results).toEqual(tickers);
    const seen = reports.map((report) => {
      const results = report.type === "start" ? [] : report.results;
      const family = results.find(({ name }) => name === "agent_decisions_total");
      if (family?.type !== "counter") throw new Error("no decisions");
      const [first] = family.samples;
      expect(family.samples).toHaveLength(3);
      expect(family.samples.every(({ value }) => value === 1)).toBe(true);
      expect(new Set(family.samples.map(({ labels }) => labels["ticker"])).size).toBe(1);
      return first?.labels["ticker"] ?? "";
    });
    expect(seen.sort()).toEqual([...tickers].sort());
    const executions = new Set(reports.map((report) => report.executionId));
    expect(executions.size).toBe(20);
  });
});

describe("a unit of work", () => {
  test("that Lambda delivers twice counts once", async () => {
    const { reportingHandler, ledger, time, told } = startFunction();
    const { onReport, reports } = reportQueue();
    const runId = (event: { id: string }, context: Context) =>
      `${context.functionName} ${event.id}`;
    const handler = reportingHandler(
      { job: "nightly", runId, onReport },
      (_event, _context, run) => {
        run.metrics.agentAnalysesTotal.inc(5);
      },
    );
    await handler({ id: "e1" }, contextOf(time, 3000, "r-1"));
    await handler({ id: "e1" }, contextOf(time, 3000, "r-2"));
    await handler({ id: "e2" }, contextOf(time, 3000, "r-3"));
    expect(reports.map(({ status }) => status)).toEqual([
      "recorded",
      "already_counted",
      "recorded",
    ]);
    expect(await outcomes(ledger, KEY)).toEqual({ succeeded: 2 });
    expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 10 });
    expect(told).toEqual([]);
  });

  test.each<{ name: string; runId: () => string | undefined; said: string[] | undefined }>([
    { name: "is not named", runId: () => undefined, said: undefined },
    {
      name: "is named by what throws",
      runId: () => {
        throw new TypeError("no detail in this event");
      },
      said: ["reportingHandler: runId threw: no detail in this event"],
    },
    {
      name: "is named by a number",
      runId: () => 7 as unknown as string,
      said: ["reportingHandler: runId returned number, not text"],
    },
  ])("that $name counts with every execution", async ({ runId, said }) => {
    const { reportingHandler, ledger, time } = startFunction();
    const { onReport, reports } = reportQueue();
    const handler = reportingHandler({ job: "nightly", runId, onReport }, () => "mine");
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(await outcomes(ledger, KEY)).toEqual({ succeeded: 2 });
    expect(reports.map(({ refusals }) => refusals)).toEqual([said, said]);
  });
});

describe("cold starts", () => {
  const coldStarts = async (waitSeconds: number) => {
    const { reportingHandler, ledger, time } = startFunction();
    const handlers = ["nightly", "nightly"].map((job) => reportingHandler({ job }, () => {}));
    time.advance(waitSeconds);
    for (const handler of [...handlers, ...handlers]) await handler({}, contextOf(time, 3000));
    expect(await outcomes(ledger, KEY)).toEqual({ succeeded: 4 });
    return (await totals(ledger, KEY))["closing_bell_cold_starts_total"];
  };

  test("are counted once per process, whichever of its handlers is first", async () => {
    expect(await coldStarts(10)).toBe(1);
  });

  test("are none when the process was started ahead of its first invocation", async () => {
    expect(await coldStarts(10.1)).toBeUndefined();
  });
});

describe("options", () => {
  test.each<{ name: string; options: object; message: string }>([
    { name: "no job", options: {}, message: "job must be a name" },
    { name: "a misspelt one", options: { job: "a", runID: "x" }, message: 'did you mean "runId"?' },
    { name: "a timeout that is none", options: { job: "a", timeoutMs: -1 }, message: "timeoutMs" },
  ])("$name is refused when the function is initialised", ({ options, message }) => {
    const { reportingHandler } = startFunction();
    const make = () => reportingHandler(options as ReportingOptions<unknown>, () => {});
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(message);
  });

  test("a handler that is none is refused as well", () => {
    const { reportingHandler } = startFunction();
    expect(() => reportingHandler({ job: "a" }, undefined as never)).toThrow(InvalidOptionError);
  });
});
