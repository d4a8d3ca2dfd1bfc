import { afterEach, describe, expect, test } from "@jest/globals";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, histogram, success } from "../support/run-records.ts";
import { type Bench, endPublishing, groupNumber, startBench } from "./publishing.ts";

afterEach(endPublishing);

const READY = "GET /-/ready";
const LOOK = "GET /api/v1/metrics";

describe("groups that are up to date", () => {
  test("cost one read of the gateway in all, no push, and no lease", async () => {
    const memory = createMemoryLedger();
    let leases = 0;
    const ledger: Ledger = {
      ...memory,
      lease(group) {
        leases++;
        return memory.lease(group);
      },
    };
    const { publisher, gateway, client } = await startBench({ ledger });
    const groups = [1, 2, 3].map(groupNumber);
    for (const groupingKey of groups) await ledger.append(success("a", SAMPLES, { groupingKey }));
    await publisher.publishAll();
    gateway.seen();
    leases = 0;

    expect(await publisher.publishAll()).toEqual(
      groups.map((groupingKey) => ({
        groupingKey,
        status: "current",
        gateway: client.gateway,
        version: 1,
      })),
    );
    expect(gateway.seen()).toEqual([LOOK]);
    expect(leases).toBe(0);
  });

  test("are so although values are held back, and say what is", async () => {
    const { ledger, publisher, clock, gateway } = await startBench({ scrapeIntervalSeconds: 60 });
    await ledger.append(success("a"));
    await publisher.publishAll();
    gateway.seen();
    const until = clock.now() + 120;
    expect(await publisher.publishAll()).toMatchObject([
      { status: "current", held: { series: 1, first: until, until } },
    ]);
    expect(gateway.seen()).toEqual([LOOK]);
  });

  test("are none where nothing was ever recorded: the gateway is not even asked", async () => {
    const { publisher, gateway } = await startBench();
    expect(await publisher.publishAll()).toEqual([]);
    expect(gateway.seen()).toEqual([]);
  });
});

describe("a group is published again that", () => {
  type Case = { name: string; change: (bench: Bench) => Promise<unknown>; expected?: string[] };
  test.each<Case>([
    {
      name: "has a new record",
      change: ({ ledger }) => ledger.append(success("b", SAMPLES)),
    },
    { name: "is missing at the gateway", change: ({ gateway }) => gateway.restart() },
    {
      name: "is behind at the gateway, which came back with older content",
      async change({ gateway, ledger, publisher }) {
        const old = gateway.requests.find(({ method }) => method === "PUT");
        await ledger.append(success("b", SAMPLES));
        await publisher.publish(GROUP);
        gateway.seen();
        if (old !== undefined) await gateway.send(old);
      },
    },
    {
      name: "has a counter that somebody else wrote to",
      change: ({ gateway }) => post(gateway, "# TYPE trades_total counter\ntrades_total 2\n"),
    },
    {
      name: "has a gauge that somebody else wrote to",
      change: ({ gateway }) => post(gateway, "# TYPE portfolio_cash gauge\nportfolio_cash 1\n"),
    },
    {
      name: "has a histogram of which one bucket was changed",
      change: ({ gateway }) =>
        post(
          gateway,
          '# TYPE h histogram\nh_bucket{le="1"} 0\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n',
        ),
    },
    {
      name: "was not confirmed",
      async change({ gateway, ledger, publisher }) {
        await ledger.append(success("b", SAMPLES));
        gateway.meddle(({ method }) => (method === "PUT" ? 429 : undefined));
        await publisher.publish(GROUP);
        gateway.passOn();
        gateway.seen();
      },
      expected: [LOOK, READY, LOOK, "PUT"],
    },
  ])("$name", async ({ change, expected = [LOOK, "PUT"] }) => {
    const bench = await startBench();
    const { ledger, client, clock, gateway, publisher, shown } = bench;
    await ledger.append(success("a", SAMPLES));
    await publisher.publish(GROUP);
    gateway.seen();
    await change(bench);

    const healer = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    expect(await healer.publishAll()).toMatchObject([{ status: "published" }]);
    expect(gateway.seen()).toEqual(expected);
    const { version = 0 } = (await bench.noted()).acked ?? {};
    expect(await shown("trades_total")).toBe(3 * version);
    expect(await shown("portfolio_cash")).toBe(7);
    expect(await healer.publishAll()).toMatchObject([{ status: "current", version }]);
    expect(gateway.seen()).toEqual([LOOK]);
  });

  test("was not confirmed the last time, although the gateway shows what it should", async () => {
    const { ledger, publisher, gateway, noted } = await startBench();
    await ledger.append(success("a", SAMPLES));
    await publisher.publish(GROUP);
    await gateway.restart();
    gateway.meddle(({ method }) => (method === "PUT" ? "unanswered" : undefined));
    expect(await publisher.publishAll()).toMatchObject([{ status: "failed" }]);
    expect(await noted()).toMatchObject({ acked: { version: 1 }, unconfirmed: { version: 1 } });
    gateway.passOn();
    gateway.seen();
    expect(await publisher.publishAll()).toMatchObject([{ status: "published" }]);
    expect(gateway.seen()).toEqual([LOOK, READY, LOOK, "PUT"]);
    expect(await noted()).not.toHaveProperty("unconfirmed");
  });

  test("has values that need no longer be held back", async () => {
    const { ledger, publisher, clock, gateway, shown } = await startBench({
      scrapeIntervalSeconds: 60,
    });
    await ledger.append(success("a", SAMPLES));
    await publisher.publish(GROUP);
    gateway.seen();
    clock.advance(120);
    expect(await publisher.publishAll()).toMatchObject([{ status: "published", version: 1 }]);
    expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    expect(await shown("trades_total")).toBe(3);
  });
});

describe("many groups", () => {
  const groups = Array.from({ length: 9 }, (_, index) => groupNumber(index));

  test("are published a few at a time, and told of in the ledger's order", async () => {
    const { ledger, publisher, gateway } = await startBench();
    for (const groupingKey of groups) await ledger.append(success("a", SAMPLES, { groupingKey }));
    let underWay = 0;
    let most = 0;
    gateway.meddle(async ({ method, path }) => {
      if (method !== "PUT") return undefined;
      underWay++;
      most = Math.max(most, underWay);
      // The first ones take longest.
      await new Promise((resolve) => setTimeout(resolve, 100 - 10 * Number(path.at(-1))));
      underWay--;
      return undefined;
    });
    const publications = await publisher.publishAll();
    expect(publications.map(({ groupingKey }) => groupingKey)).toEqual(groups);
    expect(publications.every(({ status }) => status === "published")).toBe(true);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  test("of which some are asked for leave the others alone", async () => {
    const { ledger, publisher, gateway } = await startBench();
    for (const groupingKey of groups) await ledger.append(success("a", SAMPLES, { groupingKey }));
    const only = groups.slice(2, 4);
    const publications = await publisher.publishAll({ groups: only });
    expect(publications.map(({ groupingKey }) => groupingKey)).toEqual(only);
    expect(gateway.seen()).toEqual([LOOK, "PUT", "PUT"]);
  });

  test("go on without one whose totals cannot be read", async () => {
    const memory = createMemoryLedger();
    const [first, corrupt, ...rest] = groups;
    const ledger: Ledger = {
      ...memory,
      async readSnapshot(group) {
        const isCorrupt = group.labels["shard"] === corrupt?.labels["shard"];
        return isCorrupt ? { version: 1, bytes: Buffer.from("x") } : memory.readSnapshot(group);
      },
    };
    const { publisher, shown } = await startBench({ ledger });
    for (const groupingKey of groups) await ledger.append(success("a", SAMPLES, { groupingKey }));
    const [one, two, ...others] = await publisher.publishAll();
    expect(two).toMatchObject({ status: "refused", error: { code: "ERR_LEDGER_CORRUPT" } });
    for (const publication of [one, ...others]) {
      expect(publication).toMatchObject({ status: "published" });
    }
    for (const group of [first, ...rest]) expect(await shown("trades_total", {}, group)).toBe(3);
    expect(await shown("trades_total", {}, corrupt)).toBeUndefined();
  });

  test("that are not come to when the signal aborts are not pushed", async () => {
    const { ledger, publisher, gateway } = await startBench();
    for (const groupingKey of groups) await ledger.append(success("a", SAMPLES, { groupingKey }));
    const ends = new AbortController();
    gateway.meddle(({ method }) => {
      if (method !== "PUT") return undefined;
      ends.abort(new Error("interrupted"));
      return "ignored";
    });
    const publications = await publisher.publishAll({ signal: ends.signal });
    expect(publications).toHaveLength(groups.length);
    expect(publications.every(({ status }) => status === "failed")).toBe(true);
    // Four at most had been begun.
    expect(gateway.seen().filter((each) => each === "PUT").length).toBeLessThanOrEqual(4);
  });
});

test("a gateway that cannot be read is an error, since nothing can be said of any group", async () => {
  const { ledger, publisher, gateway } = await startBench();
  await ledger.append(success("a"));
  gateway.meddle(() => 503);
  await expect(publisher.publishAll()).rejects.toMatchObject({ code: "ERR_PUSH", status: 503 });
  expect(gateway.seen()).not.toContain("PUT");
  const signal = AbortSignal.abort();
  await expect(publisher.publishAll({ signal })).rejects.toMatchObject({ code: "ERR_PUSH" });
});

const SAMPLES = [
  counter("trades_total", 3),
  gauge("portfolio_cash", 7),
  histogram("h", [0.5, 1.5]),
];

function post({ send }: Bench["gateway"], text: string): Promise<unknown> {
  const path = "/metrics/job/nightly/mode/backtest";
  return send({ method: "POST", path, body: Buffer.from(text) });
}
