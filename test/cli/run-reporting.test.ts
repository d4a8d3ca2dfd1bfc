import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";
import { PROGRAM, start } from "./start-cli.ts";

jest.setTimeout(90_000);

const folder = mkdtempSync(join(tmpdir(), "closing-bell-reporting-"));

let env: Readonly<Record<string, string>>;
beforeEach(() => {
  env = { CLOSING_BELL_STATE_DIR: stateDirectory(), CLOSING_BELL_SCRAPE_INTERVAL: "0" };
});

afterAll(() => {
  removeStateDirectories();
  rmSync(folder, { recursive: true, force: true });
});

/** What we say, and nothing else. */
const oneLine = /^closing-bell: [^\n]+\n$/;

describe("a gateway that takes connections and never answers", () => {
  let stopped: TestServer;
  beforeEach(async () => {
    stopped = await serve(() => {});
  });
  afterEach(() => stopped.close());

  test.each<{ name: string; more: Readonly<Record<string, string>>; metrics: string }>([
    { name: "with a ledger", more: {}, metrics: "" },
    { name: "without one", more: { CLOSING_BELL_LEDGER: "none" }, metrics: "" },
    {
      name: "when the report is refused and its start is still being published",
      more: {},
      metrics: "# TYPE daily_pnl gauge\ndaily_pnl 3\n",
    },
  ])("keeps run for no longer than --push-deadline: $name", async ({ more, metrics }) => {
    const script = `
      fs.writeFileSync(process.env.CLOSING_BELL_METRICS_FILE, ${JSON.stringify(metrics)});
      process.on("exit", () => console.log(Date.now()));`;
    const flags = ["--push-deadline", "2s", "--gateway", stopped.url.href];

    const result = await runCli(
      ["run", "-j", "x", ...flags, "--", process.execPath, "-e", script],
      { env: { ...env, ...more } },
    );

    const seconds = (Date.now() - Number(result.stdout)) / 1000;
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain(metrics === "" ? "2000 ms" : "daily_pnl without a mode");
    // A publication takes 10 s if nobody ends it. What is beyond 2 s is for a slow machine.
    expect(seconds).toBeLessThan(8);
  });

  test("is given up after --push-deadline, and the line says so", async () => {
    const flags = ["--push-deadline", "2500ms", "--gateway", stopped.url.href];

    const { stderr } = await runCli(["run", "-j", "x", ...flags, "--", "true"], { env });

    expect(stderr).toMatch(/recorded for \{job="x"\}; not published: .*\b2500 ms/);
  });
});

test("a gateway that answers late is waited for when --push-deadline allows for it", async () => {
  const gateway = await startPushgateway();
  const slow = await serve((request, response, body) => {
    const { method = "GET", url = "/", headers } = request;
    const forward = async () => {
      const target = new URL(url, gateway.url);
      const { "content-type": type = "" } = headers;
      const answer = await fetch(target, {
        method,
        ...(method === "GET" ? {} : { body, headers: { "content-type": type } }),
      });
      response.writeHead(answer.status).end(await answer.text());
    };
    // Longer than the client's own patience, once: the first look.
    setTimeout(forward, slow.requests.length === 1 ? 5500 : 0);
  });
  const flags = ["--push-deadline", "30s", "--gateway", slow.url.href];

  const { code, stderr } = await runCli(["run", "-j", "late", ...flags, "--", "true"], { env });

  expect(code).toBe(0);
  expect(stderr).toMatch(/; (?:published \d+ series|http\S+ is up to date)/);
  expect(await scrapeJob(gateway.url, { job: "late" })).toMatchObject({ batch_job_exit_code: 0 });
  await slow.close();
  await gateway.close();
});

describe("the command runs, and its exit code is its own, when", () => {
  const command = ["sh", "-c", "echo ran; exit 3"];

  test("its folder was removed", async () => {
    const gone = mkdtempSync(join(folder, "gone-"));
    const node = `'${process.execPath}'`;
    const run = `${node} '${PROGRAM}' run -j x -- ${node} -e 'console.log("ran"); process.exit(3)'`;

    const shell = start("sh", ["-c", `rmdir '${gone}'; ${run}`], { env, cwd: gone });
    const { code, stdout, stderr } = await shell.ended;

    expect({ code, stdout: stdout.toString() }).toEqual({ code: 3, stdout: "ran\n" });
    expect(stderr.toString()).toMatch(oneLine);
    expect(stderr.toString()).toContain('; recorded for {job="x"}; ');
  });

  test("there is no temporary folder, and it has no metrics file then", async () => {
    const print = ["sh", "-c", 'echo "[$CLOSING_BELL_METRICS_FILE]"; exit 3'];

    const result = await runCli(["run", "-j", "x", "--", ...print], {
      env: { ...env, TMPDIR: join(folder, "nowhere"), CLOSING_BELL_METRICS_FILE: "/an/outer/one" },
    });

    expect(result).toMatchObject({ code: 3, stdout: "[]\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toMatch(/; left out: metrics file: there could be none: ENOENT/);
  });

  test("its report is refused: the job, as the catalogue has it, is no group", async () => {
    const config = join(folder, "bad-label.json");
    writeFileSync(config, '{ "jobs": { "x": { "labels": { "le": "1" } } } }');

    const result = await runCli(["run", "-j", "x", "--config", config, "--", ...command], { env });

    expect(result).toMatchObject({ code: 3, stdout: "ran\n" });
    expect(result.stderr).toMatch(oneLine);
    expect(result.stderr).toContain("not reported: ");
  });
});

describe("the one line at the end", () => {
  let gateway: PushgatewayServer;
  beforeEach(async () => {
    gateway = await startPushgateway();
    env = { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "0.5", PUSHGATEWAY_URL: gateway.url.href };
  });
  afterEach(() => gateway.close());

  test("comes after --settle, which no deadline ends, and tells what is shown then", async () => {
    // Held for 5 seconds.
    const { code, stderr } = await runCli(
      ["run", "-j", "x", "--settle", "--push-deadline", "4s", "--", "true"],
      { env: { ...env, CLOSING_BELL_SCRAPE_INTERVAL: "2.5" } },
    );

    expect(code).toBe(0);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/x succeeded \(exit 0\) in .* published \d+ series, version 1, to http/);
    expect(stderr).not.toContain("show 0");
    expect(await scrapeJob(gateway.url, { job: "x" })).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 1,
    });
  });

  test("is one line of JSON with --json --settle", async () => {
    const { stdout, stderr } = await runCli(
      ["run", "-j", "x", "--json", "--settle", "--", "sh", "-c", "exit 4"],
      { env },
    );

    expect(stdout).toBe("");
    expect(stderr).toMatch(/^[^\n]+\n$/);
    const { exitCode, delivery } = JSON.parse(stderr);
    expect(exitCode).toBe(4);
    expect(delivery).toMatchObject({ status: "recorded", publication: { status: "published" } });
    expect(delivery.publication).not.toHaveProperty("held");
  });

  test("names what was left out, and how much more, in one line", async () => {
    const text = "# TYPE q summary\\nq_count 1\\nnan NaN\\nbatch_job_exit_code 9\\n";
    const command = ["sh", "-c", `printf '${text}' > $CLOSING_BELL_METRICS_FILE`];

    const said = await runCli(["run", "-j", "x", "--", ...command], { env });
    const json = await runCli(["run", "-j", "x", "--json", "--", ...command], { env });

    expect(said.stderr).toMatch(oneLine);
    expect(said.stderr).toMatch(
      /; left out: metrics file: metric q: is a summary.* \(and 2 more\)\n$/,
    );
    expect(JSON.parse(json.stderr).delivery.refusals).toHaveLength(3);
    expect(await scrapeJob(gateway.url, { job: "x" })).toMatchObject({ batch_job_exit_code: 0 });
  });
});
