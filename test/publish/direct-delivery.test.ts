import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import type { RunOutcome } from "../../src/metrics/catalogue.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import type { CompletionReport } from "../../src/publish/delivery.ts";
import { createDirectDelivery } from "../../src/publish/direct-delivery.ts";
import { createPushClient } from "../../src/push/client.ts";
import { serve, type TestServer } from "../support/http-server.ts";

const KEY = groupingKey("nightly");
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

describe("a completion", () => {
  test("that succeeded replaces the group with results and status", async () => {
    const { deliver, server } = await deliveryTo(200);
    const report = await deliver(completion("succeeded"));
    expect(report).toMatchObject({ status: "delivered", verb: "PUT", series: 2 });
    expect(server.requests[0]).toMatchObject({ method: "PUT" });
    expect(bodyOf(server)).toBe("# TYPE result gauge\nresult 7\n# TYPE state gauge\nstate 1\n");
  });

  test.each<RunOutcome>(["failed", "timed_out", "interrupted"])(
    "that %s adds the status alone, so that what was there stays",
    async (outcome) => {
      const { deliver, server } = await deliveryTo(200);
      expect(await deliver(completion(outcome))).toMatchObject({ verb: "POST", series: 1 });
      expect(server.requests[0]).toMatchObject({ method: "POST" });
      expect(bodyOf(server)).toBe("# TYPE state gauge\nstate 1\n");
    },
  );
});

test("an announced start adds the status", async () => {
  const { deliver, server } = await deliveryTo(200);
  await deliver({ type: "start", groupingKey: KEY, status: [gauge("state", 1)] });
  expect(server.requests[0]).toMatchObject({ method: "POST" });
});

test("a gateway without its consistency check is told of", async () => {
  const { deliver } = await deliveryTo(202);
  expect(await deliver(completion("succeeded"))).toMatchObject({ unchecked: true });
});

async function deliveryTo(status: number) {
  const server = await serve((_, response) => {
    response.writeHead(status).end();
  });
  const client = createPushClient({ url: server.url });
  cleanups.push(() => server.close());
  const delivery = createDirectDelivery(client);
  const deliver = (report: Parameters<typeof delivery>[0]) =>
    delivery(report, new AbortController().signal);
  return { deliver, server };
}

function completion(outcome: RunOutcome): CompletionReport {
  return {
    type: "completion",
    groupingKey: KEY,
    outcome,
    status: [gauge("state", 1)],
    results: [gauge("result", 7)],
  };
}

function gauge(name: string, value: number): MetricFamily {
  return { type: "gauge", name, samples: [{ labels: {}, value }] };
}

function bodyOf({ requests }: TestServer): string | undefined {
  return requests[0]?.body.toString();
}
