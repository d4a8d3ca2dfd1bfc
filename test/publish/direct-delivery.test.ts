import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import type { RunOutcome } from "../../src/metrics/catalogue.ts";
import type { CompletionReport } from "../../src/publish/delivery.ts";
import { createDirectDelivery } from "../../src/publish/direct-delivery.ts";
import { counter, gauge, histogram, NIGHT, runsTotal } from "../support/run-records.ts";
import { clientOf, endPublishing, startWatchedGateway } from "./publishing.ts";

const KEY = groupingKey("nightly");
afterEach(endPublishing);

const STARTED = gauge("batch_job_last_start_timestamp_seconds", NIGHT);
const STARTED_TEXT = `# TYPE ${STARTED.name} gauge\n${STARTED.name} ${NIGHT}\n`;
const LEFT_OUT = ["batch_job_runs_total", "trades_total", "slippage"];

describe("a completion", () => {
  test("that succeeded replaces the group with its gauges, and names what needs a ledger", async () => {
    const { deliver, gateway, client } = await delivering();
    expect(await deliver(completion("succeeded"))).toEqual({
      status: "delivered",
      verb: "PUT",
      groupingKey: KEY,
      gateway: client.gateway,
      series: 2,
      seconds: expect.any(Number),
      leftOut: LEFT_OUT,
    });
    expect(gateway.seen()).toEqual(["PUT"]);
    expect(bodyOf(gateway)).toBe(`${STARTED_TEXT}# TYPE result gauge\nresult 7\n`);
  });

  test.each<RunOutcome>(["failed", "timed_out", "interrupted"])(
    "that %s adds its times alone, so that results and the last success stay",
    async (outcome) => {
      const { deliver, gateway } = await delivering();
      expect(await deliver(completion(outcome))).toMatchObject({
        verb: "POST",
        series: 1,
        leftOut: LEFT_OUT,
      });
      expect(gateway.seen()).toEqual(["POST"]);
      expect(bodyOf(gateway)).toBe(STARTED_TEXT);
    },
  );

  test("of gauges alone leaves nothing out", async () => {
    const { deliver } = await delivering();
    const report = { ...completion("succeeded"), status: [STARTED], results: [gauge("result", 7)] };
    expect(await deliver(report)).toMatchObject({ leftOut: [] });
  });
});

test("an announced start adds its time, and leaves the counter of runs out", async () => {
  const { deliver, gateway } = await delivering();
  const report = await deliver({
    type: "start",
    groupingKey: KEY,
    status: [STARTED, runsTotal(0)],
  });
  expect(report).toMatchObject({ verb: "POST", leftOut: ["batch_job_runs_total"] });
  expect(gateway.seen()).toEqual(["POST"]);
  expect(bodyOf(gateway)).toBe(STARTED_TEXT);
});

describe("what was counted late", () => {
  const LATE = { type: "late", groupingKey: KEY, executionId: "e1", part: "1", at: NIGHT } as const;

  test("adds how things stand, and names what needs a ledger", async () => {
    const { deliver, gateway } = await delivering();
    const switched = gauge("kill_switch_status", 1);
    const results = [switched, gauge("portfolio_cash", 7), counter("trades_total", 3)];
    expect(await deliver({ ...LATE, results })).toMatchObject({
      status: "delivered",
      verb: "POST",
      series: 1,
      leftOut: ["trades_total"],
    });
    expect(bodyOf(gateway)).toBe(`# TYPE ${switched.name} gauge\n${switched.name} 1\n`);
  });

  test("is not sent when it only counts", async () => {
    const { deliver, gateway } = await delivering();
    expect(await deliver({ ...LATE, results: [counter("trades_total", 3)] })).toMatchObject({
      series: 0,
      leftOut: ["trades_total"],
    });
    expect(gateway.seen()).toEqual([]);
  });
});

test("a start that was not confirmed never replaces the end: a barrier is between them", async () => {
  const { deliver, gateway } = await delivering();
  gateway.meddle(({ method }) => (method === "POST" ? 429 : undefined));
  const start = deliver({ type: "start", groupingKey: KEY, status: [STARTED] });
  await expect(start).rejects.toMatchObject({ code: "ERR_PUSH" });
  await deliver(completion("succeeded"));
  expect(gateway.seen()).toEqual(["POST", "GET /-/ready", "PUT"]);
});

test("a gateway without its consistency check is told of", async () => {
  const { deliver, gateway } = await delivering();
  gateway.meddle(() => 202);
  expect(await deliver(completion("succeeded"))).toMatchObject({ unchecked: true });
});

async function delivering() {
  const gateway = await startWatchedGateway();
  const client = clientOf(gateway.url);
  const delivery = createDirectDelivery(client);
  const deliver = (report: Parameters<typeof delivery>[0]) =>
    delivery(report, new AbortController().signal);
  return { deliver, gateway, client };
}

function completion(outcome: RunOutcome): CompletionReport {
  return {
    type: "completion",
    groupingKey: KEY,
    outcome,
    status: [STARTED, runsTotal()],
    results: [gauge("result", 7), counter("trades_total", 3), histogram("slippage", [1])],
  };
}

function bodyOf({ requests }: { requests: readonly { body: Buffer }[] }): string | undefined {
  return requests.at(-1)?.body.toString();
}
