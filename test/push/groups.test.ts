import { afterEach, describe, expect, test } from "@jest/globals";
import { PushError } from "../../src/errors.ts";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { expositionOf, expositionOfText } from "../../src/push/body.ts";
import { createPushClient } from "../../src/push/client.ts";
import {
  type GatewayGroup,
  isGroup,
  pushedFamilies,
  readGroups,
  readScrape,
  readStatus,
} from "../../src/push/groups.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { serve } from "../support/http-server.ts";
import { manualClock } from "../support/manual-clock.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const KEY = groupingKey("nightly", { strategy: "a/b" });

test("groups, families and push times are read as they were pushed", async () => {
  const gateway = await startPushgateway({ clock: manualClock(1_700_000_000) });
  cleanups.push(() => gateway.close());
  const client = clientOf(gateway.url);
  await client.push(
    KEY,
    expositionOfText(KEY, '# HELP rows x\n# TYPE rows gauge\nrows{table="a"} 7\nrows 8\n'),
  );
  const [group, ...others] = await readGroups(client);
  expect(others).toEqual([]);
  expect(group).toMatchObject({
    labels: { job: "nightly", strategy: "a/b" },
    lastPushSuccessful: true,
    pushTimeSeconds: 1_700_000_000,
    pushFailureTimeSeconds: 0,
  });
  expect([...(group?.families.keys() ?? [])]).toEqual(["rows"]);
  const rows = group?.families.get("rows");
  expect(rows).toMatchObject({ type: "gauge", help: "x" });
  expect(rows?.metrics.map(({ labels, value }) => [labels["table"], value])).toEqual(
    expect.arrayContaining([
      ["a", 7],
      [undefined, 8],
    ]),
  );
  expect(await readScrape(client)).toContain('rows{instance="",job="nightly",strategy="a/b"} 8\n');
  expect(await readStatus(client)).toMatchObject({
    consistencyCheck: true,
    persistenceFile: undefined,
  });
});

describe("what was pushed is read back", () => {
  const families: readonly MetricFamily[] = [
    {
      type: "counter",
      name: "trades_total",
      help: "Trades",
      samples: [
        { labels: { action: "buy" }, value: 12_345_678.5 },
        { labels: { action: "sell" }, value: 0 },
      ],
    },
    { type: "gauge", name: "cash", samples: [{ labels: { instance: "worker" }, value: -1e-9 }] },
    { type: "untyped", name: "other", samples: [{ labels: {}, value: 1 }] },
    {
      type: "histogram",
      name: "slippage",
      samples: [
        {
          labels: { layer: "risk" },
          buckets: [
            { upperBound: 0.5, cumulativeCount: 1 },
            { upperBound: 10, cumulativeCount: 2 },
            { upperBound: 12_345_678.5, cumulativeCount: 20_000_000 },
            { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 20_000_001 },
          ],
          count: 20_000_001,
          sum: -12_345_678.5,
        },
      ],
    },
  ];

  test.each<{ name: string; key: GroupingKey }>([
    { name: "of a job alone", key: groupingKey("nightly") },
    { name: "of labels that need an encoding", key: KEY },
    { name: "of an empty label", key: groupingKey("nightly", { strategy: "" }) },
  ])("as it was, $name", async ({ key }) => {
    const gateway = await startPushgateway({ clock: manualClock(1_700_000_000) });
    cleanups.push(() => gateway.close());
    const client = clientOf(gateway.url);
    await client.push(key, expositionOf(key, families));
    const [group] = await readGroups(client);
    expect(byName(pushedFamilies(group as GatewayGroup))).toEqual(byName(families));
  });

  test("without the group's own instance, which covers those of its series", async () => {
    const gateway = await startPushgateway({ clock: manualClock(1_700_000_000) });
    cleanups.push(() => gateway.close());
    const client = clientOf(gateway.url);
    const key = groupingKey("nightly", { instance: "host" });
    await client.push(key, expositionOfText(key, "# TYPE g gauge\ng 1\n"));
    const [group] = await readGroups(client);
    expect(pushedFamilies(group as GatewayGroup)).toEqual([
      { type: "gauge", name: "g", samples: [{ labels: {}, value: 1 }] },
    ]);
  });

  test("summaries among them", async () => {
    const gateway = await startPushgateway({ clock: manualClock(1_700_000_000) });
    cleanups.push(() => gateway.close());
    const client = clientOf(gateway.url);
    const text = '# TYPE s summary\ns{quantile="0.5"} 2\ns_sum 4\ns_count 2\n';
    await client.push(KEY, expositionOfText(KEY, text));
    const [group] = await readGroups(client);
    expect(pushedFamilies(group as GatewayGroup)).toMatchObject([
      {
        type: "summary",
        name: "s",
        samples: [{ labels: {}, quantiles: [{ quantile: 0.5, value: 2 }], count: 2, sum: 4 }],
      },
    ]);
  });
});

describe("a group of the gateway", () => {
  const labels = { job: "nightly", strategy: "a", team: "" };
  test.each<{ name: string; key: GroupingKey; expected: boolean }>([
    { name: "is that of the same labels", key: key({ strategy: "a", team: "" }), expected: true },
    { name: "in any order", key: key({ team: "", strategy: "a" }), expected: true },
    { name: "not that without an empty one", key: key({ strategy: "a" }), expected: false },
    { name: "not that of more", key: key({ strategy: "a", team: "", x: "" }), expected: false },
    { name: "not that of another value", key: key({ strategy: "b", team: "" }), expected: false },
    {
      name: "not that of another name",
      key: key({ strategy: "a", toString: "" }),
      expected: false,
    },
    {
      name: "not that of another job",
      key: groupingKey("daily", { strategy: "a", team: "" }),
      expected: false,
    },
  ])("$name", ({ key, expected }) => {
    const families = new Map();
    const times = { pushTimeSeconds: 0, pushFailureTimeSeconds: 0, lastPushSuccessful: true };
    expect(isGroup({ labels, families, ...times }, key)).toBe(expected);
  });
});

test("infinities are read as they were pushed", async () => {
  const gateway = await startPushgateway({ clock: manualClock(1_700_000_000) });
  cleanups.push(() => gateway.close());
  const client = clientOf(gateway.url);
  const text = '# TYPE g gauge\ng{a="1"} +Inf\ng{a="2"} -Inf\ng{a="3"} NaN\n';
  await client.push(KEY, expositionOfText(KEY, text));
  const [group] = await readGroups(client);
  const values = group?.families.get("g")?.metrics.map(({ value }) => value);
  expect(values).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
});

describeWithServer("pushgateway")("the real gateway", () => {
  test("is read the same way", async () => {
    const gateway = await startRealPushgateway();
    cleanups.push(() => gateway.stop());
    const client = clientOf(gateway.url);
    await client.push(KEY, expositionOfText(KEY, "# TYPE h histogram\nh_sum 3\nh_count 2\n"));
    const [group] = await readGroups(client);
    expect(group).toMatchObject({ labels: { job: "nightly" }, lastPushSuccessful: true });
    expect(group?.pushTimeSeconds).toBeGreaterThan(1_700_000_000);
    expect(group?.families.get("h")?.type).toBe("histogram");
    const status = await readStatus(client);
    expect(status).toMatchObject({ consistencyCheck: true, persistenceFile: undefined });
    expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(status.startTime).toBeGreaterThan(1_700_000_000);
  });

  test("that checks nothing says so, and a push to it is called unchecked", async () => {
    const gateway = await startRealPushgateway({ args: ["--push.disable-consistency-check"] });
    cleanups.push(() => gateway.stop());
    const client = clientOf(gateway.url);
    expect(await readStatus(client)).toMatchObject({ consistencyCheck: false });
    const receipt = await client.push(KEY, expositionOfText(KEY, "a 1\n"));
    expect(receipt.status).toBe("unchecked");
  });
});

describe("what is not a gateway's answer is an error", () => {
  test.each([
    { name: "no JSON", body: "hello" },
    { name: "another API's JSON", body: '{"groups":[]}' },
    { name: "an error", body: '{"status":"error","error":"no"}' },
    { name: "groups that are none", body: '{"status":"success","data":[{"labels":7}]}' },
    { name: "null", body: "null" },
  ])("$name", async ({ body }) => {
    const server = await serve((_, response) => {
      response.end(body);
    });
    cleanups.push(() => server.close());
    const client = clientOf(server.url);
    await expect(readGroups(client)).rejects.toThrow(PushError);
    await expect(readStatus(client)).rejects.toThrow("is not a Pushgateway's");
  });
});

test("a client tells what it did", async () => {
  let answers = 0;
  const server = await serve((_, response) => {
    response.writeHead([503, 200, 400][answers++] ?? 200).end();
  });
  cleanups.push(() => server.close());
  const client = clientOf(server.url);
  const body = expositionOfText(KEY, "a 1\n");
  await client.push(KEY, body);
  await client.push(KEY, body).catch(() => {});
  const told = Object.fromEntries(
    client.metrics.families().map((family) => [family.name, family.samples]),
  );
  expect(told).toMatchObject({
    closing_bell_pushes_total: [
      { labels: { result: "confirmed" }, value: 1 },
      { labels: { result: "failed" }, value: 1 },
    ],
    closing_bell_push_attempts_total: [{ value: 3 }],
    closing_bell_push_sent_bytes_total: [{ value: 3 * body.bytes.length }],
    closing_bell_push_duration_seconds: [{ count: 2 }],
  });
});

function key(labels: GroupingKey["labels"]): GroupingKey {
  return { job: "nightly", labels };
}

function byName(families: readonly MetricFamily[]): readonly MetricFamily[] {
  return families.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function clientOf(url: URL) {
  const client = createPushClient({ url });
  cleanups.push(() => client.close());
  return client;
}
