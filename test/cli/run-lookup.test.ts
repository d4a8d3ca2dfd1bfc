import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";
import { PROGRAM, start } from "./start-cli.ts";

jest.setTimeout(90_000);

const { PATH = "" } = process.env;

let env: Readonly<Record<string, string>>;
let folder: string;
let gateway: PushgatewayServer;

beforeEach(async () => {
  env = { CLOSING_BELL_STATE_DIR: stateDirectory(), CLOSING_BELL_SCRAPE_INTERVAL: "0" };
  folder = mkdtempSync(join(tmpdir(), "closing-bell-lookup-"));
  gateway = await startPushgateway();
});

afterEach(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

afterAll(removeStateDirectories);

describe("the gateway's name", () => {
  test("is looked up by getent, as every program of the system does", async () => {
    getent('echo "127.0.0.1       STREAM $2"; echo "127.0.0.1       DGRAM"');

    const { code, stderr } = await run(`http://gateway.test:${gateway.url.port}`);

    expect(code).toBe(0);
    expect(stderr).toMatch(/; (?:published \d+ series|http\S+ is up to date)/);
    expect(calls()).toContain("ahosts gateway.test");
    expect(await scrapeJob(gateway.url, { job: "x" })).toMatchObject({ batch_job_exit_code: 0 });
  });

  test("that nobody knows is named, with what to check", async () => {
    getent("exit 2");

    const { code, stderr } = await run("http://gateway.test:9091");

    expect(code).toBe(0);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(
      "getaddrinfo ENOTFOUND gateway.test; check the host name in the gateway URL",
    );
  });

  test.each(["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])(
    "needs no looking up when it is %s",
    async (host) => {
      getent("exit 2");

      await run(`http://${host}:${gateway.url.port}`);

      expect(calls()).toBe("");
      if (!host.startsWith("[")) {
        expect(await scrapeJob(gateway.url, { job: "x" })).toMatchObject({
          batch_job_exit_code: 0,
        });
      }
    },
  );

  test.each(["exit 1", "exit 127", "kill -KILL $$"])(
    "is left to Node's own lookup where getent cannot tell: %s",
    async (script) => {
      getent(script);

      const { stderr } = await run("http://closing-bell.invalid:9091");

      expect(calls()).toContain("ahosts closing-bell.invalid");
      expect(stderr).toMatch(/getaddrinfo \w+ closing-bell\.invalid/);
    },
  );
});

test("a lookup that hangs is ended with the deadline, whatever holds its pipe", async () => {
  // Another process of it keeps the pipe open, and ignores what is asked of it.
  getent(`echo $$ > '${join(folder, "pid")}'; trap "" TERM; sleep 600; sleep 600`);
  const flags = ["--push-deadline", "2s", "--gateway", "http://gateway.test:9091"];
  const command = [process.execPath, "-e", 'process.on("exit", () => console.log(Date.now()))'];

  const { code, stdout, stderr } = await runCli(["run", "-j", "x", ...flags, "--", ...command], {
    env: { ...env, PATH: `${folder}:${PATH}` },
  });

  const seconds = (Date.now() - Number(stdout)) / 1000;
  expect(code).toBe(0);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toContain("2000 ms");
  expect(seconds).toBeLessThan(20);
  expect(isRunning(readFileSync(join(folder, "pid"), "utf8").trim())).toBe(false);
});

/** Of its own, so that nobody else's server is asked; only root may listen there. */
const NAME_SERVER = "127.83.17.5";

const mayMount = spawnSync("unshare", ["--mount", "true"]).status === 0;
const isRoot = process.getuid?.() === 0;

(mayMount && isRoot ? test : test.skip)(
  "a name server that is silent keeps run for no longer than its deadline",
  async () => {
    const silent = createSocket("udp4").bind(53, NAME_SERVER);
    await once(silent, "listening");
    let questions = 0;
    silent.on("message", () => questions++);
    const resolvConf = join(folder, "resolv.conf");
    writeFileSync(resolvConf, `nameserver ${NAME_SERVER}\n`);
    const run = [PROGRAM, "run", "-j", "x", "--push-deadline", "2s"];
    const url = "http://gateway.closing-bell.test:9091";
    const command = 'process.on("exit", () => console.log(Date.now()))';

    const mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const cli = start(
      "unshare",
      // biome-ignore format: one command line
      ["--mount", "sh", "-c", mount, resolvConf, process.execPath, ...run, "--gateway", url, "--", process.execPath, "-e", command],
      { env },
    );
    const { code, stdout, stderr } = await cli.ended;

    const seconds = (Date.now() - Number(stdout)) / 1000;
    silent.close();
    expect(code).toBe(0);
    expect(stderr.toString()).toMatch(oneLine);
    expect(stderr.toString()).toContain("2000 ms");
    expect(questions).toBeGreaterThan(0);
    // A resolver tries for 10 s and more. The deadline is 2 s; the rest is for a slow machine.
    expect(seconds).toBeLessThan(8);
  },
);

/** What we say, and nothing else. */
const oneLine = /^closing-bell: [^\n]+\n$/;

/** One that has ended may still wait to be noticed, as a zombie. */
function isRunning(pid: string): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
}

function run(url: string) {
  return runCli(["run", "-j", "x", "--gateway", url, "--", "true"], {
    env: { ...env, PATH: `${folder}:${PATH}` },
  });
}

/** Puts a `getent` of ours before the system's. */
function getent(script: string): void {
  const log = join(folder, "calls");
  writeFileSync(join(folder, "getent"), `#!/bin/sh\necho "$*" >> '${log}'\n${script}\n`, {
    mode: 0o755,
  });
}

/** What it was called with. */
function calls(): string {
  const log = join(folder, "calls");
  return existsSync(log) ? readFileSync(log, "utf8") : "";
}
