import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { describeWithServer, startRealPushgateway } from "./servers.ts";

const PROGRAM = fileURLToPath(new URL("./servers.mjs", import.meta.url));

/** The names of all of them. */
const ALL =
  "pushgateway, promtool, prometheus, alertmanager, amtool, postgres, initdb, busybox, redis, python3, prometheus_client";

const PROGRAMS = [
  "prometheus-pushgateway",
  "promtool",
  "prometheus",
  "prometheus-alertmanager",
  "amtool",
  "postgres",
  "initdb",
  "busybox",
  "redis-server",
  "python3",
];

let folder: string;
let path: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "closing-bell-servers-"));
  path = mkdtempSync(join(folder, "path-"));
  cache = join(folder, "cache");
  symlinkSync(process.execPath, join(path, "node"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describeWithServer("pushgateway")("a real Pushgateway", () => {
  test("takes a push, and is gone after stop", async () => {
    const gateway = await startRealPushgateway();
    const group = new URL("/metrics/job/backup", gateway.url);

    const answer = await fetch(group, { method: "PUT", body: "rows 3\n" });
    const exposed = await (await fetch(new URL("/metrics", gateway.url))).text();
    await gateway.stop();

    expect(answer.status).toBe(200);
    expect(exposed).toContain('rows{instance="",job="backup"} 3\n');
    expect(await gateway.closed).toEqual({ code: null, signal: "SIGKILL" });
    await expect(fetch(group)).rejects.toThrow();
  });

  test("takes the place of one that was killed", async () => {
    const first = await startRealPushgateway();
    const port = Number(first.url.port);
    await fetch(new URL("/metrics/job/backup", first.url), { method: "PUT", body: "rows 3\n" });
    await first.stop();

    const second = await startRealPushgateway({ port });
    const exposed = await (await fetch(new URL("/metrics", second.url))).text();
    await second.stop();

    expect(second.url).toEqual(first.url);
    expect(exposed).not.toContain("rows");
  });

  test("that does not start says why", async () => {
    await expect(startRealPushgateway({ args: ["--no-such-option"] })).rejects.toThrow(
      /did not get ready: .*no-such-option/s,
    );
  });
});

describe("npm run servers, without a server", () => {
  test("says in one line which tests are left out where there is no apt", () => {
    const run = runServers();

    expect(run).toMatchObject({ status: 0, stdout: "" });
    expect(run.stderr).toBe(
      `Left out: the tests that need a real ${ALL} (no apt here). ` +
        `To bring them: put ${PROGRAMS.join(", ")} on PATH, then npm run servers\n`,
    );
  });

  test("fails where CI is set", () => {
    const run = runServers({ CI: "true" });

    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(new RegExp(`^Left out: .* a real ${ALL} .*\n$`));
  });

  test("says why apt could not bring it", () => {
    command(
      "apt-get",
      'case "$*" in *install*) echo "E: Unable to locate it" >&2; exit 100;; esac',
    );
    command("dpkg-deb", "exit 0");

    const run = runServers();

    expect(run.status).toBe(0);
    expect(run.stderr).toBe(
      `Left out: the tests that need a real ${ALL} (Unable to locate it). ` +
        "To bring them: npm run servers\n",
    );
  });

  test("keeps nothing of a package that could not be unpacked whole", () => {
    command("apt-get", aptGetThatFetches("gateway.deb"));
    command("dpkg-deb", `${unpackCommand(...PROGRAMS)}; exit 1`);

    const run = runServers();

    expect(run.stderr).toContain("(gateway.deb could not be unpacked)");
    expect(readdirSync(cache).sort()).toEqual(["root", "servers.json"]);
    expect(readdirSync(join(cache, "root"))).toEqual([]);
  });

  test("says so where only what is no program could not be had", () => {
    for (const program of PROGRAMS) command(program, "exit 0");

    const run = runServers();

    expect(run).toMatchObject({ status: 0, stdout: "" });
    expect(run.stderr).toBe(
      "Left out: the tests that need a real prometheus_client (no apt here). " +
        "To bring them: install apt, then npm run servers\n",
    );
  });

  test("lets a program find what its package brings, though it is not installed", () => {
    command("apt-get", aptGetThatFetches("alertmanager.deb"));
    const program = '"$3/usr/bin/prometheus-alertmanager"';
    command(
      "dpkg-deb",
      `${unpackCommand(...PROGRAMS)} && printf 'a/usr/share/prometheus/alertmanager/ui\\0b' > ${program}`,
    );

    runServers();

    const root = join(cache, "root/prometheus-alertmanager");
    const found = JSON.parse(readFileSync(join(cache, "servers.json"), "utf8"));
    expect(found["alertmanager"]).toMatchObject({
      command: join(root, "usr/bin/prometheus-alertmanager"),
      directory: root,
    });
    expect(found["amtool"]).not.toHaveProperty("directory");
    // As long as it was.
    expect(readFileSync(found["alertmanager"].command, "utf8")).toBe(
      "ausr//share/prometheus/alertmanager/ui\0b",
    );
  });

  test("unpacks the package once, and is silent from then on", () => {
    command("apt-get", aptGetThatFetches("gateway.deb"));
    command("dpkg-deb", `${unpackCommand(...PROGRAMS)} && ${unpackLibrary}`);

    const first = runServers({ CI: "true" });
    const second = runServers({ CI: "true" });

    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /^Downloading prometheus-pushgateway, prometheus, prometheus-alertmanager, postgresql-15, busybox, redis-server, python3-prometheus-client from Debian to .*\n$/,
    );
    expect(second).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});

/** Runs `servers.mjs` with a PATH that holds `node` and the commands made by the test. */
function runServers(env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM], {
    encoding: "utf8",
    env: { PATH: path, SERVERS_DIR: cache, ...env },
  });
  return { status, stdout, stderr };
}

function command(name: string, script: string): void {
  const file = join(path, name);
  writeFileSync(file, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  chmodSync(file, 0o755);
}

/** Called as `apt-get -c <folder>/apt.conf -qq ...`: archives go below that folder. */
function aptGetThatFetches(archive: string): string {
  return `case "$*" in *install*) touch "$(dirname "$2")/cache/archives/${archive}";; esac`;
}

/** Called as `dpkg-deb -x <archive> <folder>`. */
function unpackCommand(...names: readonly string[]): string {
  const files = names.map((name) => `"$3/usr/bin/${name}"`).join(" ");
  return `mkdir -p "$3/usr/bin" && touch ${files} && chmod +x ${files}`;
}

/** The same for what is no program. */
const unpackLibrary =
  'mkdir -p "$3/usr/lib/python3/dist-packages/prometheus_client" && ' +
  'touch "$3/usr/lib/python3/dist-packages/prometheus_client/__init__.py"';
