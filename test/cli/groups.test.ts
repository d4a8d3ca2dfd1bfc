import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createPushClient } from "../../src/push/client.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { completionRecord, newExecutionId } from "../../src/record/run-record.ts";
import { runCli } from "../support/cli.ts";
import { counter, gauge } from "../support/run-records.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

afterAll(removeStateDirectories);

const GATEWAYS = [
  { name: "the embedded gateway", describe, start: startPushgateway },
  {
    name: "the real gateway",
    describe: describeWithServer("pushgateway"),
    async start() {
      const { url, stop } = await startRealPushgateway();
      return { url, close: stop };
    },
  },
];

for (const { name, describe: describeGateway, start } of GATEWAYS) {
  describeGateway(name, () => {
    let gateway: Awaited<ReturnType<typeof start>>;
    let directory: string;
    const cli = (args: readonly string[], state = directory) =>
      runCli(args, {
        env: { PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_STATE_DIR: state },
      });
    const put = (path: string, body: string) =>
      fetch(new URL(`/metrics/job/${path}`, gateway.url), { method: "PUT", body });

    beforeAll(async () => {
      gateway = await start();
    });
    afterAll(() => gateway.close());
    beforeEach(() => {
      directory = stateDirectory();
    });

    test("lists every group: series, last push, a failed one, and which ledger publishes it", async () => {
      await put("import/region/eu", '# TYPE rows gauge\nrows 7\nrows{table="a"} 8\nlag 1\n');
      await put("clash/x/1", "# TYPE rows counter\nrows 7\n");
      await publishRun(gateway.url, directory, "ours");
      const theirs = stateDirectory();
      await publishRun(gateway.url, theirs, "theirs");
      const [ourId, theirId] = [await idOf(directory), await idOf(theirs)];

      const asText = await cli(["groups", "ls"]);
      const asJson = await cli(["groups", "ls", "--json"]);

      expect(asText).toMatchObject({ code: 0, stderr: "" });
      const pushed = String.raw`pushed \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+s ago`;
      const lines = asText.stdout.split("\n");
      expect(lines).toHaveLength(5);
      expect(lines[0]).toMatch(
        /^\{job="clash",x="1"\} {2}0 families, 0 series; no push succeeded; the last push failed at \d{4}/,
      );
      expect(lines[1]).toMatch(
        new RegExp(`^\\{job="import",region="eu"\\} {2}2 families, 3 series; ${pushed}$`),
      );
      expect(lines[2]).toMatch(
        new RegExp(
          `^\\{job="ours"\\} {2}3 families, 3 series; ${pushed}; version 1 of this ledger, ${ourId}$`,
        ),
      );
      expect(lines[3]).toMatch(
        new RegExp(`^\\{job="theirs"\\} .*; version 1 of another ledger, ${theirId}$`),
      );
      expect(JSON.parse(asJson.stdout)).toMatchObject({
        gateway: gateway.url.origin,
        groups: [
          { groupingKey: { job: "clash", labels: { x: "1" } }, failedAt: expect.any(Number) },
          { groupingKey: { job: "import", labels: { region: "eu" } }, families: 2, series: 3 },
          { ledger: { id: ourId, version: 1, own: true } },
          { ledger: { id: theirId, version: 1, own: false } },
        ],
      });
      for (const path of ["import/region/eu", "clash/x/1", "theirs", "ours"]) {
        await fetch(new URL(`/metrics/job/${path}`, gateway.url), { method: "DELETE" });
      }
    });

    test("shows what was pushed to a group, so that it can be pushed again", async () => {
      const text = [
        "# HELP h Latency",
        "# TYPE h histogram",
        'h_bucket{x="1",le="0.5"} 1',
        'h_bucket{x="1",le="+Inf"} 2',
        'h_sum{x="1"} 3.25',
        'h_count{x="1"} 2',
        "# TYPE lag gauge",
        "lag +Inf",
        "# TYPE q summary",
        'q{quantile="0.5"} 1',
        "q_sum 4",
        "q_count 3",
        "# TYPE rows_total counter",
        'rows_total{table="a\\"b\\\\"} 7',
        "",
      ].join("\n");
      await put("shown/path@base64/L2EvYg", text);

      const args = ["groups", "show", "-j", "shown", "-g", "path=/a/b"];
      const { code, stdout, stderr } = await cli(args);
      const asJson = await cli([...args, "--json"]);
      const other = await cli(["groups", "show", "-j", "shown"]);

      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const sorted = (exposition: string) =>
        [...parseExposition(exposition)].sort((a, b) => (a.name < b.name ? -1 : 1));
      // The real gateway gives a family without a help text an empty one.
      expect(sorted(stdout)).toMatchObject(sorted(text));
      expect(JSON.parse(asJson.stdout)).toMatchObject({
        groupingKey: { job: "shown", labels: { path: "/a/b" } },
        families: expect.arrayContaining([
          expect.objectContaining({ name: "rows_total", type: "counter" }),
        ]),
      });
      expect(other).toEqual({
        code: 1,
        signal: null,
        stdout: "",
        stderr: `closing-bell: ${gateway.url.origin} has no group {job="shown"}\n`,
      });
    });

    test("removes a group that nobody else brings back, and exactly that one", async () => {
      await put("gone", "rows 1\n");
      await put("gone/region/eu", "rows 1\n");
      const args = ["groups", "rm", "-j", "gone", "-g", "region=eu"];

      const unasked = await cli(args);
      expect(unasked).toMatchObject({ code: 2, stdout: "" });
      expect(unasked.stderr).toBe(
        "closing-bell: groups rm removes for good: say --yes where nobody can be asked\n",
      );
      expect(await cli([...args, "--yes"])).toMatchObject({
        code: 0,
        stderr: `closing-bell: {job="gone",region="eu"}  removed at ${gateway.url.origin}\n`,
      });
      expect(await cli([...args, "--yes"])).toMatchObject({
        code: 0,
        stderr: `closing-bell: {job="gone",region="eu"}  ${gateway.url.origin} has no such group\n`,
      });
      expect(await scrapeJob(gateway.url, { job: "gone", region: "eu" })).toEqual({});
      expect(await scrapeJob(gateway.url, { job: "gone" })).toMatchObject({ rows: 1 });
    });

    test("removes a ledger's group only together with its totals, which then begin at 0", async () => {
      const { place, publish, record } = await publishRun(gateway.url, directory, "ours");
      const args = ["groups", "rm", "-j", "ours", "--yes"];

      const refused = await cli(args);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain(`{job="ours"} is published from ${place}: `);
      expect(refused.stderr).toContain("--forget");
      const elsewhere = await cli([...args, "--forget"], stateDirectory());
      expect(elsewhere.code).toBe(1);
      expect(elsewhere.stderr).toContain(`is at version 1 of ledger ${await idOf(directory)}`);
      expect(await scrapeJob(gateway.url, { job: "ours" })).toMatchObject({ rows_total: 3 });

      await record();
      const removed = await cli([...args, "--forget", "--json"]);
      expect(removed).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(removed.stdout)).toEqual({
        groupingKey: { job: "ours", labels: {} },
        status: "removed",
        version: 3,
        records: 2,
        pending: 1,
      });
      expect(await publish()).toMatchObject([{ status: "removed" }]);
      expect(await scrapeJob(gateway.url, { job: "ours" })).toEqual({});
      const ledger = await cli(["ledger", "show"]);
      expect(ledger.stdout).toContain(
        '{job="ours"}  version 3, 0 records counted, removed on purpose, 0 pending\n',
      );

      await record();
      await publish();
      expect(await scrapeJob(gateway.url, { job: "ours" })).toMatchObject({ rows_total: 3 });
    });
  });
}

test("groups ls says that there are none, and makes no ledger", async () => {
  const gateway = await startPushgateway();
  const directory = stateDirectory();
  const env = { PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_STATE_DIR: directory };
  expect(await runCli(["groups", "ls"], { env })).toEqual({
    code: 0,
    signal: null,
    stdout: "",
    stderr: `closing-bell: ${gateway.url.origin} has no groups\n`,
  });
  await gateway.close();
  expect(existsSync(directory)).toBe(false);
});

test("groups rm --forget works on the ledger alone where there is no gateway", async () => {
  const gateway = await startPushgateway();
  const directory = stateDirectory();
  const { place } = await publishRun(gateway.url, directory, "ours");
  await gateway.close();
  const env = { CLOSING_BELL_STATE_DIR: directory };
  const args = ["groups", "rm", "-j", "ours", "--yes", "--forget"];
  expect(await runCli(args, { env })).toMatchObject({
    code: 0,
    stderr: 'closing-bell: {job="ours"}  totals of 1 records removed, as version 2\n',
  });
  expect(await runCli(args, { env })).toMatchObject({
    code: 0,
    stderr: `closing-bell: {job="ours"}  ${place} has no such group\n`,
  });
});

test("delete says that the ledger brings its group back", async () => {
  const gateway = await startPushgateway();
  const directory = stateDirectory();
  const { place } = await publishRun(gateway.url, directory, "ours");
  const env = { PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_STATE_DIR: directory };
  const { code, stderr } = await runCli(["delete", "-j", "ours"], { env });
  await gateway.close();
  expect(code).toBe(0);
  expect(stderr.split("\n")).toEqual([
    `closing-bell: deleted {job="ours"} at ${gateway.url.origin}`,
    `closing-bell: {job="ours"} is published from ${place} and will be back; closing-bell groups rm --forget ends that`,
    "",
  ]);
});

/** A run that adds 3, recorded and published; more of them with what is returned. */
async function publishRun(url: URL, directory: string, job: string) {
  const ledger = createFileLedger({ directory });
  const client = createPushClient({ url });
  const publisher = createPublisher({ ledger, client, scrapeIntervalSeconds: 0 });
  const record = () =>
    ledger.append(
      completionRecord({
        groupingKey: groupingKey(job),
        executionId: newExecutionId(),
        outcome: "succeeded",
        completedAt: Date.now() / 1000,
        families: [counter("rows_total", 3), gauge("batch_job_exit_code", 0)],
      }),
    );
  await record();
  await publisher.publishAll();
  return {
    place: ledger.place,
    record,
    async publish() {
      const results = await publisher.publishAll();
      client.close();
      return results;
    },
  };
}

async function idOf(directory: string): Promise<string> {
  return createFileLedger({ directory }).ledgerId();
}
