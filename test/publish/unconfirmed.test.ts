import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, NIGHT, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { endPublishing, type Fate, groupNumber, notedOf, startBench } from "./publishing.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const SUCCEEDED = { outcome: "succeeded" };
const READY = "GET /-/ready";
const LOOK = "GET /api/v1/metrics";

test.each([
  { name: "memory", open: createMemoryLedger },
  { name: "files", open: () => createFileLedger({ directory: stateDirectory() }) },
])(
  "a push is noted in a ledger of $name before it is sent, and when it was confirmed",
  async ({ open }) => {
    const { ledger, client, gateway, publisher, noted } = await startBench({ ledger: open() });
    const during: unknown[] = [];
    gateway.meddle(async ({ method }) => {
      if (method !== "PUT") return undefined;
      const { acked, unconfirmed, settled } = await notedOf(ledger, client);
      during.push({ acked, unconfirmed, settled: settled.size });
      return undefined;
    });
    const at = NIGHT + 60;
    for (const id of ["a", "b"]) {
      await ledger.append(success(id));
      await publisher.publish(GROUP);
    }
    expect(during).toEqual([
      { acked: undefined, unconfirmed: { version: 1, at }, settled: 1 },
      { acked: { version: 1, at }, unconfirmed: { version: 2, at }, settled: 1 },
    ]);
    expect(await noted()).toMatchObject({ acked: { version: 2, at } });
    expect(await noted()).not.toHaveProperty("unconfirmed");
  },
);

describe("a push without an answer", () => {
  test.each<{ name: string; fate: Fate }>([
    { name: "came", fate: "unanswered" },
    { name: "did not come", fate: "lost" },
  ])(
    "that $name stays unconfirmed; whoever publishes next asks and looks before it pushes",
    async ({ fate }) => {
      const { ledger, client, clock, gateway, publisher, noted, shown } = await startBench();
      await ledger.append(success("a"));
      gateway.meddle(({ method }) => (method === "PUT" ? fate : undefined));
      expect(await publisher.publish(GROUP)).toMatchObject({
        status: "failed",
        error: { code: "ERR_PUSH" },
      });
      expect(gateway.seen()).toEqual([LOOK, "PUT", READY, LOOK, "PUT"]);
      expect(await noted()).toMatchObject({ unconfirmed: { version: 1 } });
      expect(await noted()).not.toHaveProperty("acked");

      gateway.passOn();
      const next = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
      expect(await next.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
      expect(gateway.seen()).toEqual([READY, LOOK, "PUT"]);
      expect(await noted()).not.toHaveProperty("unconfirmed");
      expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
    },
  );

  test("is followed by no other until the gateway is ready, however much comes", async () => {
    const { ledger, gateway, publisher } = await startBench();
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? "unanswered" : undefined));
    await publisher.publish(GROUP);
    gateway.seen();

    const ends = new AbortController();
    let answers = 0;
    gateway.meddle(() => {
      if (++answers === 3) ends.abort();
      return 503;
    });
    await ledger.append(success("b"));
    const { signal } = ends;
    expect(await publisher.publish(GROUP, { signal })).toMatchObject({ status: "failed" });
    expect(gateway.seen()).toEqual([READY, READY, READY]);
    // Nor is anything counted that might have to be added to other totals.
    expect(await ledger.readPending(GROUP, ["run-b"])).toHaveLength(1);
  });

  test("because the caller gave up while it was under way is not repeated", async () => {
    const { ledger, gateway, publisher, noted } = await startBench();
    await ledger.append(success("a"));
    const ends = new AbortController();
    gateway.meddle(({ method }) => {
      if (method !== "PUT") return undefined;
      ends.abort(new Error("the run is over"));
      return "ignored";
    });
    expect(await publisher.publish(GROUP, { signal: ends.signal })).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("the run is over") },
    });
    expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    expect(await noted()).toMatchObject({ unconfirmed: { version: 1 } });
  });

  test("in time is asked for again, behind the barrier", async () => {
    const { ledger, gateway, publisher } = await startBench({ timeoutMs: 800 });
    await ledger.append(success("a"));
    let pushes = 0;
    gateway.meddle(({ method }) => (method === "PUT" && pushes++ === 0 ? "ignored" : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
    expect(gateway.seen()).toEqual([LOOK, "PUT", READY, LOOK, "PUT"]);
  });

  test("within the group's time fails then, saying so", async () => {
    const { ledger, gateway, publisher } = await startBench({ groupTimeoutMs: 300 });
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? "ignored" : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("longer than 300 ms") },
    });
    expect(gateway.seen().filter((each) => each === "PUT").length).toBeLessThanOrEqual(1);
  });
});

test("a push that never left this machine leaves nothing to wait for", async () => {
  const { ledger, gateway, publisher, noted } = await startBench();
  await ledger.append(success("a"));
  await publisher.publish(GROUP);
  await gateway.stop();
  await ledger.append(success("b"));
  expect(await publisher.publish(GROUP)).toMatchObject({
    status: "failed",
    error: { message: expect.stringContaining("ECONNREFUSED") },
  });
  expect(await noted()).toMatchObject({ acked: { version: 1 } });
  expect(await noted()).not.toHaveProperty("unconfirmed");
});

describe("an answer that is a refusal", () => {
  test.each([400, 401, 403, 404, 413])(
    "of %p leaves nothing outstanding, and is not repeated",
    async (status) => {
      const { ledger, gateway, publisher, noted } = await startBench();
      await ledger.append(success("a"));
      gateway.meddle(({ method }) => (method === "PUT" ? status : undefined));
      expect(await publisher.publish(GROUP)).toMatchObject({
        status: "refused",
        error: { code: "ERR_PUSH", status },
      });
      expect(await noted()).not.toHaveProperty("unconfirmed");
      expect(await noted()).not.toHaveProperty("acked");
      expect(gateway.seen()).toEqual([LOOK, "PUT"]);

      gateway.passOn();
      expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
      expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    },
  );

  test("stops its group alone", async () => {
    const { ledger, gateway, publisher, shown } = await startBench();
    const groups = [1, 2, 3].map(groupNumber);
    for (const groupingKey of groups) await ledger.append(success("a", undefined, { groupingKey }));
    gateway.meddle(({ method, path }) =>
      method === "PUT" && path.endsWith("/2") ? 400 : undefined,
    );
    const publications = await publisher.publishAll();
    expect(publications.map(({ status }) => status)).toEqual(["published", "refused", "published"]);
    expect(await shown("batch_job_runs_total", SUCCEEDED, groups[2])).toBe(1);
  });
});

describe("an answer that may not be the gateway's", () => {
  test("429 is left for later: one push, unconfirmed", async () => {
    const { ledger, gateway, publisher, noted } = await startBench();
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? 429 : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "failed" });
    expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    expect(await noted()).toMatchObject({ unconfirmed: { version: 1 } });
  });

  test("500 is repeated once, behind the barrier", async () => {
    const { ledger, gateway, publisher } = await startBench();
    await ledger.append(success("a"));
    let pushes = 0;
    gateway.meddle(({ method }) => (method === "PUT" && pushes++ === 0 ? 500 : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
    expect(gateway.seen()).toEqual([LOOK, "PUT", READY, LOOK, "PUT"]);
  });

  test("500 each time is repeated once and no more", async () => {
    const { ledger, gateway, publisher, noted } = await startBench();
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? 500 : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({
      status: "failed",
      error: { status: 500 },
    });
    expect(gateway.seen().filter((each) => each === "PUT")).toHaveLength(2);
    expect(await noted()).toMatchObject({ unconfirmed: { version: 1 } });
  });

  test.each<{ name: string; fate: Fate }>([
    { name: "a timeout", fate: 408 },
    { name: "a redirect", fate: 302 },
    {
      name: "a login page",
      fate: { status: 200, headers: { "Content-Type": "text/html" }, body: "<html>" },
    },
  ])("$name is not repeated, and leaves the push unconfirmed", async ({ fate }) => {
    const { ledger, gateway, publisher, noted } = await startBench();
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? fate : undefined));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "refused" });
    expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    expect(await noted()).toMatchObject({ unconfirmed: { version: 1 } });
  });
});
