import { afterEach, describe, expect, test } from "@jest/globals";
import { LedgerUnavailableError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { createDirectPush, type DirectPushOptions } from "../../src/publish/direct-push.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, histogram, success } from "../support/run-records.ts";
import { clientOf, endPublishing, type Fate, startWatchedGateway } from "./publishing.ts";

afterEach(endPublishing);

const KEY = groupingKey("portfolio");
const READY = "GET /-/ready";
const SIGNAL = new AbortController().signal;

describe("a direct push", () => {
  test("replaces the group, or the families that it has", async () => {
    const { push, gateway } = await pushing();
    const receipt = await push(KEY, [gauge("a", 1), gauge("b", 2)], {
      verb: "PUT",
      signal: SIGNAL,
    });
    expect(receipt).toMatchObject({ status: "accepted", series: 2, attempts: 1 });
    await push(KEY, [gauge("b", 3)], { verb: "POST", signal: SIGNAL });
    expect(gateway.seen()).toEqual(["PUT", "POST"]);
    expect(gateway.requests[1]?.body.toString()).toContain("b 3\n");
  });

  test.each<{ name: string; family: MetricFamily }>([
    { name: "a counter", family: counter("trades_total", 1) },
    { name: "a histogram", family: histogram("slippage", [1]) },
  ])("with $name is refused by name, before anything is sent", async ({ family }) => {
    const { push, gateway } = await pushing();
    const families = [gauge("a", 1), family];
    await expect(push(KEY, families, { verb: "PUT", signal: SIGNAL })).rejects.toMatchObject({
      code: "ERR_METRIC",
      metric: family.name,
      message: expect.stringContaining("a direct push takes gauges"),
    });
    expect(gateway.seen()).toEqual([]);
  });

  test("to a group of the ledger is refused, to one beside it is not", async () => {
    const ledger = createMemoryLedger();
    await ledger.append(success("a"));
    const { push, gateway } = await pushing({ ledger });
    // The same key, however it was made.
    const same = { job: GROUP.job, labels: { ...GROUP.labels } };
    for (const verb of ["PUT", "POST"] as const) {
      await expect(push(same, [gauge("a", 1)], { verb, signal: SIGNAL })).rejects.toMatchObject({
        code: "ERR_LEDGER_GROUP",
        message: expect.stringContaining('{job="nightly",mode="backtest"}'),
      });
    }
    expect(gateway.seen()).toEqual([]);
    await push(groupingKey("nightly"), [gauge("a", 1)], { verb: "PUT", signal: SIGNAL });
    expect(gateway.seen()).toEqual(["PUT"]);
  });

  test("arrives although the ledger cannot be asked: the kill switch must", async () => {
    const groups = async () => {
      throw new LedgerUnavailableError("no disk");
    };
    const { push } = await pushing({ ledger: { groups } });
    const sent = push(KEY, [gauge("a", 1)], { verb: "PUT", signal: SIGNAL });
    await expect(sent).resolves.toMatchObject({ status: "accepted" });
  });
});

describe("a direct push without an answer", () => {
  test.each<{ name: string; fate: Fate }>([
    { name: "that came", fate: "unanswered" },
    { name: "that was lost", fate: "lost" },
    { name: "but a proxy's 504", fate: 504 },
  ])("$name is repeated once, behind the barrier, and then is an error", async ({ fate }) => {
    const { push, gateway } = await pushing();
    gateway.meddle(({ method }) => (method === "PUT" ? fate : undefined));
    const call = { verb: "PUT", signal: SIGNAL } as const;
    await expect(push(KEY, [gauge("a", 1)], call)).rejects.toMatchObject({ code: "ERR_PUSH" });
    expect(gateway.seen()).toEqual(["PUT", READY, "PUT"]);

    gateway.passOn();
    await push(KEY, [gauge("a", 2)], call);
    await push(KEY, [gauge("a", 3)], call);
    // The next one waits for it, the one after that need not.
    expect(gateway.seen()).toEqual([READY, "PUT", "PUT"]);
  });

  test("holds up no other group", async () => {
    const { push, gateway } = await pushing();
    gateway.meddle(({ method }) => (method === "PUT" ? 429 : undefined));
    const call = { verb: "PUT", signal: SIGNAL } as const;
    await expect(push(KEY, [gauge("a", 1)], call)).rejects.toMatchObject({ status: 429 });
    // Come back later, it said.
    expect(gateway.seen()).toEqual(["PUT"]);
    gateway.passOn();
    await push(groupingKey("other"), [gauge("a", 1)], call);
    expect(gateway.seen()).toEqual(["PUT"]);
    await push(KEY, [gauge("a", 1)], call);
    expect(gateway.seen()).toEqual([READY, "PUT"]);
  });

  test("is not repeated for a caller who has gone", async () => {
    const { push, gateway } = await pushing();
    const ends = new AbortController();
    gateway.meddle(() => {
      ends.abort();
      return "lost";
    });
    const sent = push(KEY, [gauge("a", 1)], { verb: "PUT", signal: ends.signal });
    await expect(sent).rejects.toMatchObject({ code: "ERR_PUSH" });
    expect(gateway.seen()).toEqual(["PUT"]);
  });

  test("is waited for although another one that was under way is answered later", async () => {
    const { push, gateway } = await pushing();
    const call = { verb: "PUT", signal: SIGNAL } as const;
    gateway.meddle(async ({ method, body }) => {
      if (method !== "PUT") return undefined;
      if (!body.includes("a 1")) return 429;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return undefined;
    });
    const slow = push(KEY, [gauge("a", 1)], call);
    const doubtful = push(KEY, [gauge("a", 2)], call);
    await expect(doubtful).rejects.toMatchObject({ status: 429 });
    await slow;
    gateway.passOn();
    gateway.seen();
    await push(KEY, [gauge("a", 3)], call);
    expect(gateway.seen()).toEqual([READY, "PUT"]);
  });
});

test("a direct push whose turn comes after its caller has gone sends nothing", async () => {
  const { push, gateway } = await pushing();
  const ends = new AbortController();
  gateway.meddle(async () => {
    ends.abort(new Error("over"));
    return undefined;
  });
  const first = push(KEY, [gauge("a", 1)], { verb: "PUT", signal: SIGNAL });
  const second = push(KEY, [gauge("a", 2)], { verb: "PUT", signal: ends.signal });
  await expect(second).rejects.toThrow("over");
  expect(await first).toMatchObject({ status: "accepted" });
  expect(gateway.seen()).toEqual(["PUT"]);
});

test("direct pushes of one group arrive in the order in which they were made", async () => {
  const { push, gateway } = await pushing();
  const pushes = [1, 2, 3, 4].map((value) =>
    push(KEY, [gauge("a", value)], { verb: "PUT", signal: SIGNAL }),
  );
  await Promise.all(pushes);
  expect(gateway.requests.map(({ body }) => body.toString().at(-2))).toEqual(["1", "2", "3", "4"]);
  expect(gateway.seen()).not.toContain(READY);
});

test.each([400, 401, 413])(
  "a direct push that is answered with %p leaves nothing to wait for",
  async (status) => {
    const { push, gateway } = await pushing();
    gateway.meddle(() => status);
    const call = { verb: "POST", signal: SIGNAL } as const;
    await expect(push(KEY, [gauge("a", 1)], call)).rejects.toMatchObject({ status });
    gateway.passOn();
    await push(KEY, [gauge("a", 1)], call);
    expect(gateway.seen()).toEqual(["POST", "POST"]);
  },
);

test("a direct push that never left this machine is tried twice, without a barrier", async () => {
  let barriers = 0;
  const barrier = async () => {
    barriers++;
  };
  const { push, gateway } = await pushing({ barrier });
  await gateway.stop();
  const sent = push(KEY, [gauge("a", 1)], { verb: "PUT", signal: SIGNAL });
  await expect(sent).rejects.toMatchObject({ code: "ERR_PUSH", notSent: true });
  expect(barriers).toBe(0);
});

async function pushing(options: Pick<DirectPushOptions, "ledger" | "barrier"> = {}) {
  const gateway = await startWatchedGateway();
  const client = clientOf(gateway.url);
  return { gateway, push: createDirectPush({ client, ...options }) };
}
