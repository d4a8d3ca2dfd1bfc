import { randomBytes } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { serve } from "../support/http-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { emptyGateway } from "./empty-gateway.ts";
import { scrapeJob } from "./scraped.ts";
import { PROGRAM, startCli } from "./start-cli.ts";

jest.setTimeout(90_000);

let gateway: PushgatewayServer;
let env: Readonly<Record<string, string>>;
let folder: string;

beforeAll(async () => {
  gateway = await startPushgateway();
  env = {
    PUSHGATEWAY_URL: gateway.url.href,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
  folder = mkdtempSync(join(tmpdir(), "closing-bell-run-"));
  writeFileSync(join(folder, "not-executable"), "true\n", { mode: 0o600 });
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
  rmSync(folder, { recursive: true, force: true });
});

describe("run exits", () => {
  test.each<{ name: string; command: readonly string[]; code: number }>([
    { name: "with 0 as the command does", command: ["sh", "-c", "exit 0"], code: 0 },
    { name: "with 3 as the command does", command: ["sh", "-c", "exit 3"], code: 3 },
    { name: "with 255 as the command does", command: ["sh", "-c", "exit 255"], code: 255 },
    { name: "with 137 after SIGKILL", command: ["sh", "-c", "kill -KILL $$"], code: 137 },
    { name: "with 127 for a command that is not there", command: ["no-such-command"], code: 127 },
    { name: "with 127 for a command without a name", command: [""], code: 127 },
    { name: "with 126 for a folder", command: ["/"], code: 126 },
    { name: "with 126 for a path through a file", command: [`${PROGRAM}/x`], code: 126 },
  ])("$name", async ({ command, code }) => {
    const result = await runCli(["run", "-j", "exits", "--", ...command], { env });

    expect(result).toMatchObject({ code, signal: null, stdout: "" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(code === 0 ? "exits succeeded (exit 0)" : "exits failed (");
    const values = await scrapeJob(gateway.url, { job: "exits" });
    expect(values["batch_job_exit_code"]).toBe(code);
  });

  test("with 126 for a file that is not executable, and says so", async () => {
    const file = join(folder, "not-executable");

    const result = await runCli(["run", "-j", "exits", "--", file], { env });

    expect(result).toMatchObject({ code: 126, stdout: "" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(`"${file}" cannot be executed: spawn ${file} EACCES`);
  });

  test.each<{ signal: string; code: number }>([
    { signal: "TERM", code: 143 },
    { signal: "INT", code: 130 },
    { signal: "HUP", code: 129 },
    { signal: "QUIT", code: 131 },
  ])("as a shell sees it, $code, when SIG$signal ended the command", async ({ signal, code }) => {
    const inner = `'${process.execPath}' '${PROGRAM}' run -j inner -- sh -c 'kill -${signal} $$'`;

    const result = await runCli(["run", "-j", "outer", "--", "sh", "-c", `${inner}; exit $?`]);

    expect(result.code).toBe(code);
    expect(result.stderr).toContain(`inner failed (by SIG${signal})`);
  });

  test("by SIGTERM when that ended the command, so that a supervisor sees the same", async () => {
    const result = await runCli(["run", "-j", "exits", "--", "sh", "-c", "kill -TERM $$"], { env });

    expect(result).toMatchObject({ code: null, signal: "SIGTERM" });
    expect((await scrapeJob(gateway.url, { job: "exits" }))["batch_job_exit_code"]).toBe(143);
  });

  test.each<{ name: string; args: readonly string[]; says: string }>([
    { name: "no job", args: ["--", "echo", "ran"], says: "-j, --job <name>" },
    { name: "an empty job", args: ["-j", "", "--", "echo", "ran"], says: "job is empty" },
    { name: "no command", args: ["-j", "x"], says: "'command'" },
    { name: "no command after --", args: ["-j", "x", "--"], says: "'command'" },
    {
      name: "a label without a value",
      args: ["-j", "x", "-g", "desk", "--", "echo", "ran"],
      says: "--grouping desk: expected NAME=VALUE",
    },
    {
      name: "a label without a name",
      args: ["-j", "x", "-g", "=a", "--", "echo", "ran"],
      says: "--grouping =a: expected NAME=VALUE",
    },
    {
      name: "a label given twice",
      args: ["-j", "x", "-g", "desk=a", "-g", "desk=b", "--", "echo", "ran"],
      says: "--grouping desk is given twice",
    },
    {
      name: "a label that histograms need",
      args: ["-j", "x", "-g", "le=1", "--", "echo", "ran"],
      says: "label le belongs to histograms",
    },
    {
      name: "a label name that is none",
      args: ["-j", "x", "-g", "a-b=1", "--", "echo", "ran"],
      says: '"a-b" is not usable',
    },
    {
      name: "a flag that we do not have",
      args: ["-j", "x", "--jobb", "--", "echo", "ran"],
      says: "unknown option '--jobb'",
    },
  ])("with 125 for $name, and runs nothing", async ({ args, says }) => {
    const server = await serve((_request, response) => response.end());

    const result = await runCli(["run", "--gateway", server.url.href, ...args]);

    await server.close();
    expect(result).toMatchObject({ code: 125, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: .*\n(\(Did you mean .*\n)?$/);
    expect(result.stderr).toContain(says);
    expect(server.requests).toEqual([]);
  });
});

describe("the command has", () => {
  test.each<{ name: string; args: readonly string[]; stdout: string }>([
    {
      name: "every flag after --, ours among them",
      args: ["--", "echo", "-j", "y", "--quiet", "--help"],
      stdout: "-j y --quiet --help\n",
    },
    {
      name: "a second -- of its own",
      args: ["--", "echo", "a", "--", "b"],
      stdout: "a -- b\n",
    },
    {
      name: "its own flags without our --, too",
      args: ["echo", "--quiet", "--", "-j"],
      stdout: "--quiet -- -j\n",
    },
    {
      name: "its arguments as they are, with no shell between",
      args: ["--", "echo", "$HOME *", "a  b", ""],
      stdout: "$HOME * a  b \n",
    },
  ])("$name", async ({ args, stdout }) => {
    const result = await runCli(["run", "-j", "flags", ...args], { env });

    expect(result).toMatchObject({ code: 0, stdout });
  });

  test.each<{ stream: "stdout" | "stderr"; command: readonly string[] }>([
    { stream: "stdout", command: ["cat"] },
    { stream: "stderr", command: ["sh", "-c", "cat >&2"] },
  ])("its standard input and $stream byte for byte", async ({ stream, command }) => {
    const bytes = randomBytes(3_000_000);

    const cli = startCli(["run", "--quiet", "-j", "bytes", "--", ...command], {
      env,
      input: bytes,
    });
    const { code, ...streams } = await cli.ended;

    expect(code).toBe(0);
    expect(streams[stream].equals(bytes)).toBe(true);
    expect(streams[stream === "stdout" ? "stderr" : "stdout"]).toHaveLength(0);
  });

  test("our environment", async () => {
    const result = await runCli(["run", "-j", "env", "--", "sh", "-c", "echo $MARK"], {
      env: { ...env, MARK: "here" },
    });

    expect(result.stdout).toBe("here\n");
  });
});

describe("run says", () => {
  test("one line, on standard error, of how it ended and where that can be seen", async () => {
    const base = gateway.url.origin;

    const { stdout, stderr } = await runCli(["run", "-j", "said", "-g", "desk=a/b", "--", "true"], {
      env,
    });

    expect(stdout).toBe("");
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(
      /^closing-bell: said succeeded \(exit 0\) in \d+\.\d\d s; recorded for \{job="said",desk="a\/b"\}; /,
    );
    // The publication of its start may have taken its end along.
    expect(stderr.replaceAll(base, "BASE")).toMatch(
      /; (?:published 10 series, version [12], to BASE|BASE is up to date, version [12])\n$/,
    );
  });

  test("nothing with --quiet", async () => {
    const quiet = await runCli(["run", "--quiet", "-j", "said", "--", "sh", "-c", "exit 4"], {
      env,
    });

    expect(quiet).toMatchObject({ code: 4, stdout: "", stderr: "" });
  });

  test("even with --quiet that the command could not be started", async () => {
    const quiet = await runCli(["run", "--quiet", "-j", "said", "--", "no-such-command"], { env });

    expect(quiet.code).toBe(127);
    expect(quiet.stderr).toMatch(oneLine);
    expect(quiet.stderr).toContain('(exit 127, "no-such-command" not found)');
  });

  test.each<{ name: string; command: readonly string[]; facts: object }>([
    {
      name: "a success",
      command: ["true"],
      facts: {
        outcome: "succeeded",
        exitCode: 0,
        delivery: {
          status: "recorded",
          groupingKey: { job: "json", labels: {} },
          id: expect.stringMatching(/^run-/),
          ledger: expect.stringMatching(/^file:\//),
          publication: { status: expect.stringMatching(/^(published|current)$/) },
        },
      },
    },
    {
      name: "a signal",
      command: ["sh", "-c", "kill -KILL $$"],
      facts: {
        outcome: "failed",
        exitCode: 137,
        signal: "SIGKILL",
        delivery: { status: "recorded" },
      },
    },
    {
      name: "a command that is not there",
      command: ["no-such-command"],
      facts: { outcome: "failed", exitCode: 127, error: "spawn no-such-command ENOENT" },
    },
  ])("the same as JSON with --json: $name", async ({ command, facts }) => {
    const { stdout, stderr } = await runCli(["run", "--json", "-j", "json", "--", ...command], {
      env,
    });

    expect(stdout).toBe("");
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(stderr)).toMatchObject({ job: "json", ...facts });
  });

  test("it to nobody when nobody reads, and exits as the command does", async () => {
    const wait = ["sh", "-c", "echo ready; read go; exit 3"];
    const cli = startCli(["run", "-j", "deaf", "--", ...wait], { env });
    await cli.printed(/ready/);
    cli.stderr.destroy();
    cli.stdin.end("go\n");

    expect(await cli.ended).toMatchObject({ code: 3, signal: null });
  });
});

describe("the gateway shows", () => {
  test("the last success, and after it a failure that keeps it", async () => {
    const group = { job: "nightly", strategy: "s" };
    const args = ["run", "-j", "nightly", "-g", "strategy=s", "--", "sh", "-c"];

    await runCli([...args, "exit 0"], { env });
    const succeeded = await scrapeJob(gateway.url, group);
    await runCli([...args, "exit 3"], { env });
    const failed = await scrapeJob(gateway.url, group);

    expect(succeeded).toMatchObject({
      batch_job_exit_code: 0,
      'batch_job_runs_total{outcome="succeeded"}': 1,
      'batch_job_runs_total{outcome="failed"}': 0,
    });
    expect(succeeded["batch_job_last_success_timestamp_seconds"]).toBeGreaterThan(1.7e9);
    expect(failed).toMatchObject({
      batch_job_exit_code: 3,
      'batch_job_runs_total{outcome="succeeded"}': 1,
      'batch_job_runs_total{outcome="failed"}': 1,
      batch_job_last_success_timestamp_seconds:
        succeeded["batch_job_last_success_timestamp_seconds"],
    });
    expect(failed["batch_job_last_completion_timestamp_seconds"]).toBeGreaterThan(
      succeeded["batch_job_last_completion_timestamp_seconds"] ?? Number.POSITIVE_INFINITY,
    );
  });

  test("every run of a group, added up", async () => {
    for (const code of [0, 3, 0]) {
      await runCli(["run", "-j", "adding", "--", "sh", "-c", `exit ${code}`], { env });
    }

    expect(await scrapeJob(gateway.url, { job: "adding" })).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 2,
      'batch_job_runs_total{outcome="failed"}': 1,
      'batch_job_runs_total{outcome="interrupted"}': 0,
      'batch_job_runs_total{outcome="timed_out"}': 0,
    });
  });

  test("a success once for its --run-id, and each failed attempt", async () => {
    const attempt = (exit: string) =>
      runCli(["run", "-j", "unit", "--run-id", "2026-11-22", "--", "sh", "-c", exit], { env });

    const first = await attempt("exit 3");
    await attempt("exit 0");
    const again = await attempt("exit 0");
    const values = await scrapeJob(gateway.url, { job: "unit" });

    expect(first.stderr).toContain('recorded for {job="unit"}; ');
    expect(again).toMatchObject({ code: 0, stderr: expect.stringMatching(oneLine) });
    expect(again.stderr).toContain('; counted before under the run id "2026-11-22"; ');
    expect(values).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 1,
      'batch_job_runs_total{outcome="failed"}': 1,
    });
    // The third one told its times: its announced start does not look like a run that never ended.
    const {
      batch_job_last_start_timestamp_seconds: start = Number.POSITIVE_INFINITY,
      batch_job_last_completion_timestamp_seconds: completion,
    } = values;
    expect(completion).toBeGreaterThanOrEqual(start);
  });

  test("gauges and run times without a ledger; counters are left out, and that is said", async () => {
    const group = { job: "unkept" };
    const none = { ...env, CLOSING_BELL_LEDGER: "none" };

    const { code, stderr } = await runCli(["run", "-j", "unkept", "--", "true"], { env: none });

    expect(code).toBe(0);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(
      `reported 5 series to {job="unkept"} at ${gateway.url.origin} (PUT); `,
    );
    expect(stderr).toContain("counters left out: no ledger\n");
    const values = await scrapeJob(gateway.url, group);
    const { push_time_seconds, push_failure_time_seconds, ...own } = values;
    expect(own).toEqual({
      batch_job_exit_code: 0,
      batch_job_duration_seconds: expect.any(Number),
      batch_job_last_start_timestamp_seconds: expect.any(Number),
      batch_job_last_completion_timestamp_seconds: expect.any(Number),
      batch_job_last_success_timestamp_seconds: expect.any(Number),
    });

    await runCli(["run", "-j", "unkept", "--", "false"], { env: none });
    expect(await scrapeJob(gateway.url, group)).toMatchObject({
      batch_job_exit_code: 1,
      batch_job_last_success_timestamp_seconds: own["batch_job_last_success_timestamp_seconds"],
    });
  });

  test("the start while the command still runs", async () => {
    // It ends with 7 when it has seen its own start, and its completion not yet, on the gateway.
    const look = `
      const shows = (text, name) => text.includes(name + '_timestamp_seconds{instance="",job="begun"}');
      for (;;) {
        const text = await (await fetch(process.env.PUSHGATEWAY_URL + "metrics")).text();
        if (shows(text, "batch_job_last_start")) {
          process.exit(shows(text, "batch_job_last_completion") ? 1 : 7);
        }
      }`;
    const command = [process.execPath, "--input-type=module", "-e", look];

    const result = await runCli(["run", "-j", "begun", "--", ...command], { env });

    expect(result.code).toBe(7);
  });

  test("the labels and the mode that the job catalogue gives, unless a flag does", async () => {
    writeFileSync(
      join(folder, "catalogue.json"),
      JSON.stringify({
        jobs: { rebalance: { mode: "paper", labels: { desk: "rates", region: "eu" } } },
      }),
    );
    const args = ["run", "--config", join(folder, "catalogue.json"), "-j", "rebalance"];

    const { stderr } = await runCli([...args, "-g", "region=us", "--", "true"], { env });

    expect(stderr).toContain('{job="rebalance",desk="rates",mode="paper",region="us"}');
    const group = { job: "rebalance", desk: "rates", mode: "paper", region: "us" };
    expect(await scrapeJob(gateway.url, group)).toMatchObject({ batch_job_exit_code: 0 });
  });
});

describe("the command runs, and its exit code is its own, when", () => {
  const command = ["sh", "-c", "echo ran; exit 3"];

  test("the gateway is down", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;

    const result = await runCli(["run", "-j", "x", "--gateway", url, "--", ...command]);

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(
      `recorded for {job="x"}; not published: GET /api/v1/metrics at ${url}: connect ECONNREFUSED`,
    );
    // In the home of its own that each call has here.
    expect(result.stderr).toMatch(/\(kept in file:\/\S+\/\.local\/state\/closing-bell\)\n$/);
  });

  test("no gateway is configured", async () => {
    const result = await runCli(["run", "-j", "x", "--", ...command]);

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toMatch(
      /; recorded for \{job="x"\}; waits in file:\/\S+: no gateway is /,
    );
    expect(result.stderr).toContain("no gateway is configured: set PUSHGATEWAY_URL");
  });

  test("the configuration is bad, and all of it is said in that line", async () => {
    writeFileSync(join(folder, "bad.json"), '{ "gatway": {}, "jobs": { "x": { "mode": 1 } } }');

    const result = await runCli(["run", "-j", "x", "--", ...command], {
      env: { ...env, CLOSING_BELL_CONFIG: join(folder, "bad.json") },
    });

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain('unknown key "gatway"; did you mean "gateway"?');
    expect(result.stderr).toContain("jobs.x.mode must be one of");
  });

  test("the scrape interval is none", async () => {
    const result = await runCli(["run", "-j", "x", "--", ...command], {
      env: { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "1m" },
    });

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(
      'CLOSING_BELL_SCRAPE_INTERVAL is "1m"; expected a number of seconds',
    );
    // It concerns publishing alone: the run counts.
    expect(result.stderr).toContain('; recorded for {job="x"}; refused: ');
  });

  test("its run id is empty, as an unset variable leaves it: that is a usage error", async () => {
    const result = await runCli(["run", "-j", "x", "--run-id", "", "--", ...command], { env });

    expect(result).toMatchObject({ code: 125, stdout: "" });
    expect(result.stderr).toContain("--run-id is empty");
  });

  test("there can be no ledger, and replay commits the run from what was logged", async () => {
    const job = ["-j", "logged"];
    const file = join(folder, "not-executable");

    const result = await runCli(["run", ...job, "--", ...command], {
      env: { ...env, CLOSING_BELL_STATE_DIR: file },
    });
    const replayed = await runCli(["replay", "-"], { env, input: result.stderr });
    await runCli(["publish"], { env });

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    const said = result.stderr.trimEnd().split("\n").at(-1);
    expect(said).toContain(`not recorded, but logged whole for replay: ${file} is not a directory`);
    expect(replayed.code).toBe(0);
    expect(await scrapeJob(gateway.url, { job: "logged" })).toMatchObject({
      batch_job_exit_code: 3,
      'batch_job_runs_total{outcome="failed"}': 1,
    });
  });

  test("its state directory is below a symbolic link to nowhere", async () => {
    const link = join(folder, "unmounted");
    symlinkSync(join(folder, "nowhere"), link);

    const cli = startCli(["run", "-j", "x", "--", ...command], {
      env: { ...env, CLOSING_BELL_STATE_DIR: join(link, "state") },
      input: "",
    });
    // Reporting has a deadline of 5 s; the rest is for a slow machine.
    const isOver = await Promise.race([
      cli.ended.then(() => true),
      sleep(15_000, false, { ref: false }),
    ]);
    if (!isOver) cli.kill("SIGKILL");

    const { code, stdout } = await cli.ended;
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 3, stdout: "ran\n" });
  });

  test("another ledger reports the group", async () => {
    await runCli(["run", "-j", "foreign", "--", "true"], { env });

    const result = await runCli(["run", "-j", "foreign", "--", ...command], {
      env: { ...env, CLOSING_BELL_STATE_DIR: stateDirectory() },
    });

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain("closing-bell ledger adopt -j foreign");
    expect(await scrapeJob(gateway.url, { job: "foreign" })).toMatchObject({
      batch_job_exit_code: 0,
      'batch_job_runs_total{outcome="failed"}': 0,
    });
  });

  test("the gateway refuses the report", async () => {
    const server = await serve(
      emptyGateway((_request, response) => response.writeHead(400).end("no\nthanks")),
    );

    const result = await runCli(["run", "-j", "x", "--gateway", server.url.href, "--", ...command]);

    await server.close();
    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain("refused (400): no thanks");
  });

  test("the gateway takes the connection and never answers", async () => {
    const server = await serve(() => {});
    const started = performance.now();

    const result = await runCli(["run", "-j", "x", "--gateway", server.url.href, "--", ...command]);

    const seconds = (performance.now() - started) / 1000;
    await server.close();
    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toMatch(/recorded for \{job="x"\}; not published: .*5000 ms/);
    // The deadline is 5 s in all; the rest is for a slow machine.
    expect(seconds).toBeLessThan(25);
  });
});

describe("a signal to run", () => {
  /** Says what it gets, and ends in its own time: with 5 after the first signal. */
  const trapping = (name: string) => `
    let ending = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]) {
      process.on(signal, () => {
        console.log("${name} got " + signal);
        if (!ending) setTimeout(() => process.exit(5), 200);
        ending = true;
      });
    }
    setInterval(() => {}, 1000);
    console.log("${name} is ready");`;

  test.each<{ signal: NodeJS.Signals }>([
    { signal: "SIGTERM" },
    { signal: "SIGINT" },
    { signal: "SIGHUP" },
    { signal: "SIGQUIT" },
  ])("reaches the command: $signal, and the run counts as interrupted", async ({ signal }) => {
    const job = `stopped by ${signal}`;
    const command = [process.execPath, "-e", trapping("it")];
    const cli = startCli(["run", "-j", job, "--", ...command], { env });
    await cli.printed(/it is ready/);
    cli.kill(signal);

    const { code, stdout, stderr } = await cli.ended;

    expect(stdout.toString()).toBe(`it is ready\nit got ${signal}\n`);
    expect(code).toBe(5);
    expect(stderr.toString()).toContain(`${job} interrupted (exit 5)`);
    expect(await scrapeJob(gateway.url, { job })).toMatchObject({
      batch_job_exit_code: 5,
      'batch_job_runs_total{outcome="interrupted"}': 1,
      'batch_job_runs_total{outcome="failed"}': 0,
    });
  });

  test("reaches the command's own children when there is no terminal", async () => {
    const shell = `'${process.execPath}' -e '${trapping("grandchild")}' & wait`;
    const cli = startCli(["run", "-j", "family", "--", "sh", "-c", shell], { env });
    await cli.printed(/grandchild is ready/);
    cli.kill("SIGTERM");

    const { signal, stdout } = await cli.ended;

    expect(stdout.toString()).toContain("grandchild got SIGTERM");
    expect(signal).toBe("SIGTERM");
  });

  test("is no failure of a command that ends well after it", async () => {
    const command =
      'process.on("SIGTERM", () => process.exit(0)); console.log("ready"); setInterval(() => {}, 1000);';
    const cli = startCli(["run", "-j", "graceful", "--", process.execPath, "-e", command], { env });
    await cli.printed(/ready/);
    cli.kill("SIGTERM");

    const { code, stderr } = await cli.ended;

    expect(code).toBe(0);
    expect(stderr.toString()).toContain("graceful succeeded (exit 0)");
  });
});

test("run loads nothing of the servers and the demo, which a cron line would pay for", async () => {
  const coverage = join(folder, "coverage");
  mkdirSync(coverage);

  // Node's record of every script that it loaded.
  await runCli(["run", "-j", "x", "--", "true"], { env: { ...env, NODE_V8_COVERAGE: coverage } });

  const [record = ""] = readdirSync(coverage);
  const scripts: { readonly url: string }[] = JSON.parse(
    readFileSync(join(coverage, record), "utf8"),
  ).result;
  const ours = scripts.filter(({ url }) => url.startsWith("file:"));
  const source = ours.map(({ url }) => readFileSync(new URL(url), "utf8")).join("\n");
  expect(source).toContain("Runs a command as a job");
  expect(source).not.toContain("sp500-2000");
  expect(source).not.toContain("startMetricsServer(");
  expect(source).not.toContain("startPushgateway(");
});

/** What we say, and nothing else. */
const oneLine = /^closing-bell: [^\n]+\n$/;
