import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { serve } from "../support/http-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { emptyGateway } from "./empty-gateway.ts";
import { scrapeJob } from "./scraped.ts";
import { startCli } from "./start-cli.ts";

jest.setTimeout(90_000);

let gateway: PushgatewayServer;
/** A ledger of its own for each test, and values that are shown at once. */
let env: Readonly<Record<string, string>>;
let directory: string;

beforeAll(async () => {
  gateway = await startPushgateway();
});

beforeEach(() => {
  directory = stateDirectory();
  env = {
    PUSHGATEWAY_URL: gateway.url.href,
    CLOSING_BELL_STATE_DIR: directory,
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
});

describe("publish says", () => {
  test("that nothing was ever recorded, and where", async () => {
    const result = await runCli(["publish"], { env });

    expect(result).toEqual({
      code: 0,
      signal: null,
      stdout: "",
      stderr: `closing-bell: nothing was ever recorded in file:${directory}\n`,
    });
    expect(await runCli(["publish", "--json"], { env })).toMatchObject({ code: 0, stdout: "[]\n" });
    expect(await runCli(["publish", "--quiet"], { env })).toMatchObject(silent);
  });

  test("what it published, a line a group, and then that it is up to date", async () => {
    await record("saidso", "-g", "desk=a/b");
    await record("saidso");

    const first = await runCli(["publish"], { env });
    const second = await runCli(["publish"], { env });

    const base = gateway.url.origin;
    expect(first).toMatchObject({ code: 0, stdout: "" });
    // Groups have no order.
    expect(lines(first.stderr).sort()).toEqual([
      `closing-bell: {job="saidso",desk="a/b"}  published 10 series, version 1, to ${base}`,
      `closing-bell: {job="saidso"}  published 10 series, version 1, to ${base}`,
    ]);
    expect(lines(second.stderr).sort()).toEqual([
      `closing-bell: {job="saidso",desk="a/b"}  ${base} is up to date, version 1`,
      `closing-bell: {job="saidso"}  ${base} is up to date, version 1`,
    ]);
  });

  test("the same as JSON", async () => {
    await record("json");

    const first = await runCli(["publish", "--json"], { env });
    const second = await runCli(["publish", "--json"], { env });

    const head = { groupingKey: { job: "json", labels: {} }, gateway: gateway.url.origin };
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(first.stdout)).toEqual([
      { ...head, status: "published", version: 1, series: 10, seconds: expect.any(Number) },
    ]);
    expect(JSON.parse(second.stdout)).toEqual([{ ...head, status: "current", version: 1 }]);
  });

  test("nothing but trouble with --quiet: one group is refused, and the others are published", async () => {
    await foreignRun("contested");
    await record("contested");
    await record("peaceful");

    const first = await runCli(["publish", "--quiet"], { env });
    const asJson = await runCli(["publish", "--json"], { env });

    expect(first).toMatchObject({ code: 1, stdout: "" });
    expect(lines(first.stderr)).toEqual([
      expect.stringContaining(`closing-bell: {job="contested"}  refused: ${gateway.url.origin} `),
    ]);
    expect(asJson).toMatchObject({ code: 1, stderr: "" });
    expect(JSON.parse(asJson.stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ status: "refused", code: "ERR_LEDGER_MISMATCH" }),
        expect.objectContaining({ status: "current" }),
      ]),
    );
    expect(await runsOf("peaceful")).toBe(1);
  });

  test("who publishes a group now, and leaves it to them", async () => {
    await record("busy");
    const taken = await createFileLedger({ directory }).lease(groupingKey("busy"));
    if (taken.status === "held") throw new Error("a new ledger is nobody's");

    const result = await runCli(["publish"], { env });
    const run = await runCli(["run", "-j", "busy", "--", "true"], { env });
    const adoption = await runCli(["ledger", "adopt", "-j", "busy"], { env });
    await taken.lease.release();

    const holder = `process ${process.pid}`;
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(`left to ${holder}, which publishes the group now\n`);
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(`left to ${holder}, which publishes the group now\n`);
    expect(adoption.code).toBe(1);
    expect(adoption.stderr).toMatch(oneLine);
    expect(adoption.stderr).toContain(`is being published by ${holder}: try again`);

    await runCli(["publish"], { env });
    expect(await runsOf("busy")).toBe(2);
  });
});

describe("publish exits with", () => {
  test.each<{ args: readonly string[] }>([
    { args: ["publish"] },
    { args: ["publish", "--json"] },
    { args: ["publish", "--settle"] },
    { args: ["publish", "--quiet"] },
  ])("2 without a gateway: $args", async ({ args }) => {
    await record("nowhere");

    const result = await runCli(args, { env: { CLOSING_BELL_STATE_DIR: directory } });

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toBe(
      "closing-bell: no gateway is configured: set PUSHGATEWAY_URL, or gateway.url in closing-bell.json\n",
    );
  });

  test("2 without a ledger", async () => {
    const result = await runCli(["publish"], { env: { ...env, CLOSING_BELL_LEDGER: "none" } });

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain("there is no ledger");
  });

  test.each<{ name: string; value: string }>([
    { name: "CLOSING_BELL_SCRAPE_INTERVAL", value: "1m" },
    { name: "CLOSING_BELL_SCRAPE_INTERVAL", value: "-1" },
    { name: "CLOSING_BELL_PUBLISH", value: "sometimes" },
    { name: "CLOSING_BELL_STATE_DIR", value: "here" },
    { name: "CLOSING_BELL_LEDGER", value: "redis:x" },
  ])("2 when $name is $value, and says so", async ({ name, value }) => {
    const result = await runCli(["publish"], { env: { ...env, [name]: value } });

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(name);
    expect(result.stderr).toContain(`"${value}"`);
  });

  test("1 and one line when the gateway is down, at once", async () => {
    await record("outage");
    const url = `http://127.0.0.1:${await freePort()}`;
    const seconds = async (args: readonly string[]) => {
      const started = performance.now();
      const result = await runCli(args, { env: { ...env, PUSHGATEWAY_URL: url } });
      return { ...result, seconds: (performance.now() - started) / 1000 };
    };

    const idle = await seconds(["ledger", "show"]);
    const result = await seconds(["publish"]);

    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toBe(
      `closing-bell: GET /api/v1/metrics at ${url}: connect ECONNREFUSED ${new URL(url).host}; is the gateway running there?\n`,
    );
    // Compared with a command that asks no gateway: a refused connection is not waited for, 5 s is
    // the deadline of one that does not answer.
    expect(result.seconds).toBeLessThan(idle.seconds + 4);
    expect(await shown()).toContain("2 pending\n");
  });

  test("1 when the gateway refuses, and publishes when it does no longer", async () => {
    await record("refused");
    const server = await serve(
      emptyGateway((_request, response) => response.writeHead(400).end("no\nthanks")),
    );

    const result = await runCli(["publish"], {
      env: { ...env, PUSHGATEWAY_URL: server.url.href },
    });

    await server.close();
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(`closing-bell: {job="refused"}  refused: PUT {job="refused"} `);
    expect(result.stderr).toContain("(400): no thanks\n");
    await runCli(["publish"], { env });
    expect(await runsOf("refused")).toBe(1);
  });

  test("1 when a push is not answered, which ledger show tells", async () => {
    await record("unanswered");
    const server = await serve(emptyGateway((request) => request.socket.destroy()));

    const result = await runCli(["publish"], {
      env: { ...env, PUSHGATEWAY_URL: server.url.href },
    });

    await server.close();
    const at = server.url.origin;
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(`not published: PUT {job="unanswered"} at ${at}: `);
    expect(await shown()).toMatch(
      new RegExp(`^ {2}${at}: never confirmed, version 1 unconfirmed since ${TIME}$`, "m"),
    );
    expect((await shownJson()).groups).toMatchObject([
      { gateways: [{ gateway: at, unconfirmed: { version: 1, at: expect.any(Number) } }] },
    ]);
  });
});

describe("publish brings to the gateway", () => {
  test("what runs recorded without one", async () => {
    const run = await record("before");
    expect(run.stderr).toMatch(oneLine);
    expect(run.stderr).toContain(`; waits in file:${directory}: no gateway is configured`);

    expect(await shown()).toContain('{job="before"}  version 0, 0 records counted, 2 pending\n');

    expect((await runCli(["publish"], { env })).code).toBe(0);
    expect(await runsOf("before")).toBe(1);
    expect(await shown()).toMatch(
      new RegExp(
        `^\\{job="before"\\} {2}version 1, 2 records counted, 0 pending\\n {2}${gateway.url.origin}: version 1 confirmed at ${TIME}\\n$`,
        "m",
      ),
    );
  });

  test("what runs leave to it with CLOSING_BELL_PUBLISH=scheduled", async () => {
    const run = await runCli(["run", "-j", "cron", "--", "true"], {
      env: { ...env, CLOSING_BELL_PUBLISH: "scheduled" },
    });

    expect(run.stderr).toMatch(oneLine);
    expect(run.stderr).toContain(
      `recorded for {job="cron"}; waits in file:${directory}: publishing is scheduled`,
    );
    expect(await scrapeJob(gateway.url, { job: "cron" })).toEqual({});

    await runCli(["publish"], { env: { ...env, CLOSING_BELL_PUBLISH: "scheduled" } });
    expect(await runsOf("cron")).toBe(1);
  });

  test("what closing-bell.json says, to the place and at the time that it says", async () => {
    const folder = dirname(directory);
    const file = join(folder, "closing-bell.json");
    const said = { ledger: "file:./kept", publish: "scheduled", scrapeIntervalSeconds: 0 };
    writeFileSync(file, JSON.stringify({ gateway: { url: gateway.url.href }, ...said }));

    const run = await runCli(["run", "-j", "filed", "--config", file, "--", "true"]);
    const { code } = await runCli(["publish"], { cwd: folder });

    expect(run.stderr).toContain(`waits in file:${join(folder, "kept")}: publishing is scheduled`);
    expect(code).toBe(0);
    expect(await runsOf("filed")).toBe(1);
  });

  test("what somebody deleted or changed there, and nothing when all is well", async () => {
    for (const job of ["deleted", "changed", "well"]) {
      await runCli(["run", "-j", job, "--", "true"], { env });
    }
    const untouched = (await scrapeJob(gateway.url, { job: "well" }))["push_time_seconds"];
    await runCli(["delete", "-j", "deleted"], { env });
    await runCli(["push", "-j", "changed", "--method", "post"], {
      env,
      input: "# TYPE batch_job_exit_code gauge\nbatch_job_exit_code 7\n",
    });

    const { code, stderr } = await runCli(["publish"], { env });

    expect(code).toBe(0);
    expect(stderr).toContain('{job="deleted"}  published 10 series');
    expect(stderr).toContain('{job="changed"}  published 10 series');
    expect(stderr).toContain(`{job="well"}  ${gateway.url.origin} is up to date`);
    expect(await runsOf("deleted")).toBe(1);
    expect(await scrapeJob(gateway.url, { job: "changed" })).toMatchObject({
      batch_job_exit_code: 0,
    });
    expect((await scrapeJob(gateway.url, { job: "well" }))["push_time_seconds"]).toBe(untouched);
  });
});

describe("a new series", () => {
  test("shows 0 at first; run, publish and ledger show say so, and until when", async () => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "3600" };

    const run = await runCli(["run", "-j", "newborn", "--", "true"], { env });

    const held = new RegExp(
      `; 1 new series shows 0 for now, and the value with the next publish after (${TIME})\n`,
    );
    expect(run.stderr).toMatch(oneLine);
    const [, until = ""] = held.exec(run.stderr) ?? [];
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(7_000_000);
    expect(Date.parse(until) - Date.now()).toBeLessThan(7_201_000);
    expect(await scrapeJob(gateway.url, { job: "newborn" })).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 0,
      batch_job_exit_code: 0,
    });

    const publish = await runCli(["publish"], { env });
    expect(publish.code).toBe(0);
    expect(publish.stderr).toMatch(held);
    expect(await shown()).toMatch(held);
    expect((await shownJson()).groups).toMatchObject([
      {
        gateways: [
          {
            gateway: gateway.url.origin,
            acked: { version: expect.any(Number), at: expect.any(Number) },
            held: { series: 1, first: expect.any(Number), until: expect.any(Number) },
          },
        ],
      },
    ]);
    expect(await runsOf("newborn")).toBe(0);
  });

  test.each<{ name: string; flags: readonly string[]; next?: readonly string[] }>([
    { name: "run --settle", flags: ["--settle"] },
    { name: "publish --settle", flags: [], next: ["publish", "--settle"] },
  ])("shows its value when $name ends", async ({ name, flags, next }) => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "1" };
    const [job] = name.split(" ") as [string];
    const command = ["sh", "-c", "exit 4"];

    const run = await runCli(["run", "-j", job, ...flags, "--", ...command], { env });
    const settled = next === undefined ? run : await runCli(next, { env });

    expect(run.code).toBe(4);
    expect(settled.code).toBe(next === undefined ? 4 : 0);
    const said = lines(settled.stderr).at(-1);
    expect(said).toContain(`{job="${job}"}`);
    expect(said).toMatch(/published 9 series|is up to date/);
    expect(said).not.toContain("shows 0");
    expect(await scrapeJob(gateway.url, { job })).toMatchObject({
      'batch_job_runs_total{outcome="failed"}': 1,
    });
    expect(await shown()).not.toContain("shows 0");
  });

  test("shows its value when publish --settle ends, though another group is refused", async () => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "0.5" };
    await foreignRun("lost");
    await record("lost");
    await record("found");

    const { code } = await runCli(["publish", "--settle"], { env });

    expect(code).toBe(1);
    expect(await runsOf("found")).toBe(1);
  });

  test("shows its value when publish --settle ends, though somebody else was publishing it", async () => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "0.5" };
    await record("shared");
    const taken = await createFileLedger({ directory }).lease(groupingKey("shared"));
    if (taken.status === "held") throw new Error("a new ledger is nobody's");

    const cli = startCli(["publish", "--settle"], { env });
    // Released when it found the lease taken: it need not be patient for longer than a publication.
    await Promise.race([cli.ended, sleep(3000, undefined, { ref: false })]);
    await taken.lease.release();
    await cli.ended;

    expect(await runsOf("shared")).toBe(1);
  });

  test("leaves standard error to JSON with run --json --settle", async () => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "0.5" };

    const { stderr } = await runCli(["run", "-j", "both", "--json", "--settle", "--", "true"], {
      env,
    });

    for (const line of lines(stderr)) expect(() => JSON.parse(line)).not.toThrow();
  });

  test("shows its value at the end of a job that ran for longer than that", async () => {
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "0.5" };
    // From the moment on that its start is confirmed.
    const command = `
      while (!(await (await fetch(process.env.PUSHGATEWAY_URL + "metrics")).text()).includes('job="long"'));
      await new Promise((resolve) => setTimeout(resolve, 1500));`;

    const { stderr } = await runCli(
      ["run", "-j", "long", "--", process.execPath, "--input-type=module", "-e", command],
      { env },
    );

    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toContain("shows 0");
    expect(await runsOf("long")).toBe(1);
  });

  test.each<{ signal: NodeJS.Signals }>([{ signal: "SIGINT" }, { signal: "SIGTERM" }])(
    "is not waited for after $signal",
    async ({ signal }) => {
      await record("waiting");
      let taken = () => {};
      const pushed = new Promise<void>((resolve) => {
        taken = resolve;
      });
      const server = await serve(
        emptyGateway((_request, response) => {
          response.end();
          taken();
        }),
      );
      const cli = startCli(["publish", "--settle"], {
        env: { ...env, PUSHGATEWAY_URL: server.url.href, CLOSING_BELL_SCRAPE_INTERVAL: "3600" },
      });
      await pushed;
      const started = performance.now();
      cli.kill(signal);

      const { code, stdout, stderr } = await cli.ended;

      const seconds = (performance.now() - started) / 1000;
      await server.close();
      expect(code).toBe(signal === "SIGINT" ? 130 : 143);
      expect(stdout.toString()).toBe("");
      expect(stderr.toString()).toMatch(oneLine);
      // It would have waited for two hours.
      expect(seconds).toBeLessThan(20);
    },
  );

  test.each<{ signal: NodeJS.Signals }>([{ signal: "SIGINT" }, { signal: "SIGTERM" }])(
    "is not waited for by run --settle after $signal, which exits as the command did",
    async ({ signal }) => {
      let ended = () => {};
      const endIsPushed = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const server = await serve(
        emptyGateway((_request, response, body) => {
          response.end();
          if (body.includes("batch_job_exit_code")) ended();
        }),
      );
      const cli = startCli(["run", "-j", "waiting", "--settle", "--", "sh", "-c", "exit 5"], {
        env: { ...env, PUSHGATEWAY_URL: server.url.href, CLOSING_BELL_SCRAPE_INTERVAL: "3600" },
      });
      await endIsPushed;
      const started = performance.now();
      cli.kill(signal);

      const { code, signal: endedBy } = await cli.ended;

      const seconds = (performance.now() - started) / 1000;
      await server.close();
      expect({ code, endedBy }).toEqual({ code: 5, endedBy: null });
      expect(seconds).toBeLessThan(20);
    },
  );
});

/** A run that is only recorded. */
function record(job: string, ...args: readonly string[]) {
  const { CLOSING_BELL_STATE_DIR = "" } = env;
  return runCli(["run", "-j", job, ...args, "--", "true"], { env: { CLOSING_BELL_STATE_DIR } });
}

/** A run that another ledger publishes. */
function foreignRun(job: string) {
  return runCli(["run", "-j", job, "--", "true"], {
    env: { ...env, CLOSING_BELL_STATE_DIR: stateDirectory() },
  });
}

async function runsOf(job: string): Promise<number | undefined> {
  const values = await scrapeJob(gateway.url, { job });
  return values['batch_job_runs_total{outcome="succeeded"}'];
}

async function shown(): Promise<string> {
  return (await runCli(["ledger", "show"], { env })).stdout;
}

async function shownJson() {
  return JSON.parse((await runCli(["ledger", "show", "--json"], { env })).stdout);
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

const silent = { code: 0, stdout: "", stderr: "" };

/** What we say, and nothing else. */
const oneLine = /^closing-bell: [^\n]+\n$/;

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
