import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { type CurrentReporter, createCurrentReporter } from "../../src/current-reporter.ts";
import { configuredRuns } from "../../src/default-delivery.ts";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import { createReporterHandler } from "../../src/lambda/reporter-handler.ts";
import { partitionOf } from "../../src/ledger/dynamodb/keys.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { type GuardedGateway, startGuardedGateway } from "../support/guarded-gateway.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { manualTime } from "../support/manual-time.ts";
import { GROUP, NIGHT, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { contextOf, gate, outcomes } from "./lambda-functions.ts";

const OWN = groupingKey("closing_bell_reporter");
const OTHER = groupingKey("hourly");

let gateway: GuardedGateway;
let broker: TestServer;
let cwd: string;
let ledger: Ledger;
const opened: CurrentReporter[] = [];

beforeEach(async () => {
  gateway = await startGuardedGateway("bell:ring");
  broker = await serve((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"equity": 7}');
  });
  cwd = stateDirectory();
  mkdirSync(cwd);
  ledger = createFileLedger({ directory: join(cwd, "state") });
});

afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await gateway.close();
  await broker.close();
});

afterAll(removeStateDirectories);

/** A function's process, which reads an account or nothing at all. */
function startReporter({ reads = true, password = "ring" } = {}) {
  const portfolio = { type: "http", url: broker.url.href, fields: { equity: "equity" } };
  const content = reads ? { sources: { mode: "live", portfolio } } : {};
  writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify(content));
  const env = {
    PUSHGATEWAY_URL: gateway.url.href.replace("//", `//bell:${password}@`),
    CLOSING_BELL_STATE_DIR: join(cwd, "state"),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
  const sources = () => ({ env, cwd, home: cwd });
  const current = createCurrentReporter({
    sources,
    isRecordedOutside: true,
    mayOnlyPublish: true,
  });
  opened.push(current);
  const told: string[] = [];
  const time = manualTime(NIGHT);
  const log = (line: string) => told.push(line);
  const { delivery } = configuredRuns(sources, {
    publish: (group, signal) => current.use((reporter) => reporter.publishGroup(group, signal)),
  });
  const handler = createReporterHandler({ current, delivery, clock: time, timer: time.timer, log });
  const failures = () => told.map((line) => JSON.parse(line));
  return { handler, failures, time, context: contextOf(time, 60_000) };
}

/** What the table's stream brings when records were appended to groups. */
function appended(...groups: readonly GroupingKey[]) {
  return {
    Records: groups.map((group) => ({
      eventSource: "aws:dynamodb",
      eventName: "INSERT",
      dynamodb: { Keys: { pk: { S: partitionOf(group) }, sk: { S: "P#1" } } },
    })),
  };
}

/** Groups of a job at the gateway. */
async function shown(job: string, labels: Readonly<Record<string, string>> = {}) {
  const response = await fetch(new URL("/api/v1/metrics", gateway.url), {
    headers: { authorization: `Basic ${btoa(gateway.accepts)}` },
  });
  const { data } = (await response.json()) as {
    readonly data: readonly { readonly labels: Readonly<Record<string, string>> }[];
  };
  const wanted = Object.entries({ job, ...labels });
  return data.filter((each) => wanted.every(([name, value]) => each.labels[name] === value));
}

test("a schedule's event is a look, and a run that is recorded", async () => {
  await ledger.append(success("e-1"));
  const { handler, failures, context } = startReporter();

  expect(await handler({}, context)).toEqual({ series: expect.any(Number), published: 1 });
  expect(failures()).toEqual([]);
  expect(await outcomes(ledger, OWN)).toEqual({ succeeded: 1 });
  expect(await shown("portfolio_reporter", { mode: "live" })).toHaveLength(1);
  expect(await shown("nightly", { mode: "backtest" })).toHaveLength(1);
  expect(await shown(OWN.job)).toHaveLength(1);
});

test("without sources it publishes what waits", async () => {
  await ledger.append(success("e-1"));
  const { handler, context } = startReporter({ reads: false });

  expect(await handler({}, context)).toEqual({ published: 1 });
  expect(await shown("portfolio_reporter")).toEqual([]);
});

test("the stream's event publishes the groups it names, and is no run", async () => {
  await ledger.append(success("e-1"));
  await ledger.append(success("e-2", undefined, { groupingKey: OTHER }));
  const { handler, context } = startReporter();

  expect(await handler(appended(GROUP, GROUP), context)).toEqual({ published: 1 });
  expect(await shown("nightly")).toHaveLength(1);
  expect(await shown("hourly")).toEqual([]);
  expect(await outcomes(ledger, OWN)).toEqual({});
  expect(broker.requests).toEqual([]);
});

test("its own record in the stream does nothing at all", async () => {
  const { handler, context } = startReporter({ password: "wrong" });

  expect(await handler(appended(OWN), context)).toEqual({ published: 0 });
  expect(gateway.requests).toEqual([]);
});

test("a stream's event does not fail for a gateway that refuses; CloudWatch is told", async () => {
  await ledger.append(success("e-1"));
  const { handler, failures, context } = startReporter({ password: "wrong" });

  expect(await handler(appended(GROUP), context)).toEqual({ published: 0 });
  expect(failures()).toMatchObject([
    { ReportingFailures: 1, job: OWN.job, status: "publication_failed", requestId: "r-1" },
  ]);
});

test("a look whose figures do not arrive fails, and its run is recorded as failed", async () => {
  const { handler, failures, context } = startReporter({ password: "wrong" });

  await expect(handler({}, context)).rejects.toMatchObject({ code: "ERR_PUSH", status: 401 });
  expect(await outcomes(ledger, OWN)).toEqual({ failed: 1 });
  expect(failures().length).toBeGreaterThan(0);
});

test("a look without a reporter is recorded as failed: the record needs the ledger alone", async () => {
  const { handler, failures, context } = startReporter();
  writeFileSync(
    join(cwd, "closing-bell.json"),
    JSON.stringify({
      sources: {
        mode: "live",
        portfolio: {
          type: "http",
          url: broker.url.href,
          fields: { equity: "equity" },
          token: { env: "MISSING" },
        },
      },
    }),
  );

  await expect(handler({}, context)).rejects.toMatchObject({ code: "ERR_CONFIG" });
  expect(await outcomes(ledger, OWN)).toEqual({ failed: 1 });
  expect(failures()).toMatchObject([{ status: "publication_failed", job: OWN.job }]);
});

test("a source that cannot be read is told, and the look goes on", async () => {
  const { handler, failures, context } = startReporter();
  await broker.close();

  expect(await handler({}, context)).toMatchObject({ series: expect.any(Number) });
  expect(failures()).toMatchObject([{ job: OWN.job, status: "source_failed" }]);
});

test("a look that takes too long is recorded as timed out, in time", async () => {
  const asked = gate();
  const slow = await serve(() => asked.open());
  try {
    const { handler, time, context } = startReporter();
    writeFileSync(
      join(cwd, "closing-bell.json"),
      JSON.stringify({
        sources: {
          mode: "live",
          portfolio: { type: "http", url: slow.url.href, fields: { equity: "equity" } },
        },
      }),
    );
    const answer = handler({}, context);
    const failed = expect(answer).rejects.toMatchObject({ name: "TimeoutError" });
    await asked.passed;
    time.advance(59);

    await failed;
    expect(await outcomes(ledger, OWN)).toEqual({ timed_out: 1 });
  } finally {
    await slow.close();
  }
});
