import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { configuredRuns } from "../../src/default-delivery.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { endPublishing, startWatchedGateway } from "../publish/publishing.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import {
  contextOf,
  gate,
  outcomes,
  reportQueue,
  startFunction,
  totals,
} from "./lambda-functions.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const KEY = groupingKey("nightly");
const TIMED_OUT = 'batch_job_runs_total{"outcome":"timed_out"}';

describe("a body that overruns", () => {
  test("is recorded as timed out in time; what it counts later is added, and its result returned", async () => {
    const { reportingHandler, ledger, time, told } = startFunction();
    const { onReport, next } = reportQueue();
    const goOn = gate();
    const handler = reportingHandler(
      { job: "nightly", onReport },
      async (_event, _context, run) => {
        const kept = run.metrics.agentDecisionsTotal.labels({ ticker: "A", action: "BUY" });
        kept.inc(3);
        await goOn.passed;
        kept.inc(4);
        run.metrics.timescaleConnectionStatus.set(1);
        return "late but done";
      },
    );
    const running = handler({}, contextOf(time, 60_000));
    time.advance(59);
    expect(await next()).toMatchObject({ status: "recorded", id: expect.stringMatching(/^run-/) });
    expect(await totals(ledger, KEY)).toMatchObject({
      'agent_decisions_total{"action":"BUY","ticker":"A"}': 3,
      batch_job_duration_seconds: 59,
      [TIMED_OUT]: 1,
    });
    goOn.open();
    expect(await running).toBe("late but done");
    expect(await next()).toMatchObject({ status: "recorded", id: expect.stringMatching(/^late-/) });
    expect(await totals(ledger, KEY)).toMatchObject({
      'agent_decisions_total{"action":"BUY","ticker":"A"}': 7,
      timescale_connection_status: 1,
    });
    expect(await outcomes(ledger, KEY)).toEqual({ timed_out: 1 });
    expect(told).toEqual([]);
  });

  test("and counts nothing more has one record; its error is the handler's", async () => {
    const { reportingHandler, ledger, time } = startFunction();
    const { onReport, next, reports } = reportQueue();
    const goOn = gate();
    const handler = reportingHandler({ job: "nightly", onReport }, () => goOn.passed);
    const running = handler({}, contextOf(time, 60_000));
    time.advance(59);
    await next();
    const error = new Error("in the end");
    goOn.fail(error);
    await expect(running).rejects.toBe(error);
    expect(reports).toHaveLength(1);
    expect(await outcomes(ledger, KEY)).toEqual({ timed_out: 1 });
  });

  test("and ignores its signal for ever never settles, but its record is there", async () => {
    const { reportingHandler, ledger, time } = startFunction();
    const { onReport, next } = reportQueue();
    let settled = false;
    const handler = reportingHandler({ job: "nightly", onReport }, (_event, _context, run) => {
      run.metrics.agentAnalysesTotal.inc();
      return new Promise(() => {});
    });
    void handler({}, contextOf(time, 60_000)).finally(() => {
      settled = true;
    });
    time.advance(59);
    await next();
    expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 1, [TIMED_OUT]: 1 });
    expect(settled).toBe(false);
  });

  test("and ends while its record is being written waits for that", async () => {
    const real = createFileLedger({ directory: stateDirectory() });
    const [asked, allowed] = [gate(), gate()];
    let appends = 0;
    const ledger: typeof real = {
      ...real,
      async append(record) {
        appends++;
        asked.open();
        await allowed.passed;
        return real.append(record);
      },
    };
    const { reportingHandler, time } = startFunction({ ledger });
    const goOn = gate();
    const handler = reportingHandler({ job: "nightly" }, async (_event, _context, { metrics }) => {
      metrics.agentAnalysesTotal.inc(1);
      await goOn.passed;
      metrics.agentAnalysesTotal.inc(2);
    });
    const running = handler({}, contextOf(time, 3000));
    time.advance(2.4);
    await asked.passed;
    let settled = false;
    void running.finally(() => {
      settled = true;
    });
    goOn.open();
    await new Promise(setImmediate);
    // Two appends at once would race for the time that is left, and tell the gauges in any order.
    expect({ settled, appends }).toEqual({ settled: false, appends: 1 });
    allowed.open();
    await running;
    expect(await totals(real, KEY)).toMatchObject({ agent_analyses_total: 3, [TIMED_OUT]: 1 });
  });

  test("and set a trading family without a mode is refused both times", async () => {
    const { reportingHandler, ledger, time, failures } = startFunction();
    const { onReport, next } = reportQueue();
    const goOn = gate();
    const handler = reportingHandler(
      { job: "nightly", onReport },
      async (_event, _context, run) => {
        run.metrics.tradesTotal.inc({ ticker: "A", side: "BUY" });
        await goOn.passed;
        return "mine";
      },
    );
    const running = handler({}, contextOf(time, 3000));
    time.advance(2.4);
    await next();
    goOn.open();
    expect(await running).toBe("mine");
    expect(failures()).toMatchObject([{ status: "refused" }, { status: "refused" }]);
    expect(await ledger.groups()).toEqual([]);
  });
});

describe("publishing", () => {
  test.each([
    { publish: "completion", methods: expect.arrayContaining(["PUT"]) },
    { publish: "scheduled", methods: [] },
  ])("is done when the configuration says $publish", async ({ publish, methods }) => {
    const gateway = await startWatchedGateway();
    const { reportingHandler, time, told } = startFunction(configured(gateway.url, publish));
    const handler = reportingHandler({ job: "nightly" }, () => "mine");
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(gateway.seen()).toEqual(methods);
    expect(told).toEqual([]);
  });

  test("is left to others by a run that overran, and by what it counted late", async () => {
    const gateway = await startWatchedGateway();
    const { reportingHandler, time } = startFunction(configured(gateway.url, "completion"));
    const { onReport, next } = reportQueue();
    const goOn = gate();
    const handler = reportingHandler(
      { job: "nightly", onReport },
      async (_event, _context, run) => {
        await goOn.passed;
        run.metrics.agentAnalysesTotal.inc();
      },
    );
    const running = handler({}, contextOf(time, 3000));
    time.advance(2.4);
    const waiting = { status: "recorded", publication: { status: "waiting" } };
    expect(await next()).toMatchObject(waiting);
    goOn.open();
    await running;
    expect(await next()).toMatchObject(waiting);
    expect(gateway.seen()).toEqual([]);
  });

  test("with 500 ms left and a gateway that never answers: recorded, and back in time", async () => {
    const gateway = await startWatchedGateway();
    const asked = gate();
    gateway.meddle(() => {
      asked.open();
      return "ignored";
    });
    const { reportingHandler, time, failures } = startFunction(
      configured(gateway.url, "completion"),
    );
    const { onReport, reports } = reportQueue();
    const handler = reportingHandler({ job: "nightly", onReport }, () => "mine");
    const context = contextOf(time, 500);
    const running = handler({}, context);
    await asked.passed;
    time.advance(0.4);
    expect(await running).toBe("mine");
    expect(context.getRemainingTimeInMillis()).toBeCloseTo(100);
    expect(reports).toMatchObject([{ status: "recorded", publication: { status: "failed" } }]);
    expect(failures()).toMatchObject([{ status: "publication_failed", job: "nightly" }]);
  });
});

function configured(gateway: URL, publish: string) {
  const env = {
    PUSHGATEWAY_URL: gateway.href,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
    CLOSING_BELL_PUBLISH: publish,
  };
  return configuredRuns(() => ({ env, cwd: "/" }));
}
