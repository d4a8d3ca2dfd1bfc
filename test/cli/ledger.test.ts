import { cpSync, rmSync } from "node:fs";
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { groupPaths } from "../../src/ledger/file/group-files.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { recordLogLines } from "../../src/record/log-lines.ts";
import { completionRecord, newExecutionId } from "../../src/record/run-record.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

const KEY = groupingKey("nightly", { strategy: "s" });
let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "closing-bell-ledger-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const cli = (args: readonly string[], input = "") =>
  runCli(args, { env: { CLOSING_BELL_STATE_DIR: directory }, input });

describe("replay", () => {
  test("commits what a log holds, among other lines, once however often", async () => {
    const record = runOf(7);
    const log = ["job started", ...recordLogLines(record), "job ended", ""].join("\n");
    const first = await cli(["replay", "-"], log);
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toContain(`{job="nightly",strategy="s"} ${record.id} appended`);
    const again = await cli(["replay", "--json"], log);
    expect(JSON.parse(again.stdout)).toMatchObject({
      records: [{ id: record.id, status: "present" }],
    });

    const ledger = createFileLedger({ directory });
    await foldGroup(ledger, KEY);
    const { stdout } = await cli(["ledger", "show", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      groups: [
        {
          version: 1,
          counted: 1,
          pending: 0,
          families: [{ name: "rows_total", samples: [{ value: 7 }] }],
        },
      ],
    });
  });

  test("says what is damaged, commits the rest, and exits 1", async () => {
    const good = recordLogLines(runOf(1));
    const [broken = "", ...rest] = recordLogLines(runOf(2));
    const cut = [...good, broken.slice(0, -20), ...rest].join("\n");
    const { code, stderr } = await cli(["replay"], cut);
    expect(code).toBe(1);
    expect(stderr).toContain(" appended\n");
  });
});

test("ledger repair rebuilds what cannot be read, from the version before and the done marks", async () => {
  const ledger = createFileLedger({ directory });
  for (const rows of [1, 2, 3]) {
    await ledger.append(runOf(rows));
    await foldGroup(ledger, KEY);
  }
  const { snapshots } = groupPaths(directory, KEY);
  const newest = (await readdir(snapshots)).sort().at(-1) ?? "";
  await truncate(join(snapshots, newest), 5);
  const damaged = await cli(["ledger", "show"]);
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toContain("ERR_LEDGER_CORRUPT");
  const repaired = await cli(["ledger", "repair"]);
  expect(repaired).toMatchObject({
    code: 0,
    stdout: '{job="nightly",strategy="s"}  repaired: version 4 from version 2 and 1 records\n',
  });
  const { stdout } = await cli(["ledger", "show", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    groups: [{ counted: 3, families: [{ samples: [{ value: 6 }] }] }],
  });
  expect((await cli(["ledger", "repair"])).stdout).toContain("intact");
});

describe("ledger show", () => {
  test("tells totals and what waits, a line a group", async () => {
    const ledger = createFileLedger({ directory });
    await ledger.append(runOf(3));
    await foldGroup(ledger, KEY);
    await ledger.append(runOf(4));
    const { code, stdout } = await cli(["ledger", "show"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ledger \S+ in .*, 1 group\n/);
    expect(stdout).toContain(
      '{job="nightly",strategy="s"}  version 1, 1 records counted, 1 pending\n',
    );
  });

  test("without a ledger, or with one that cannot be, says so and exits 2", async () => {
    const none = await runCli(["ledger", "show"], { env: { CLOSING_BELL_LEDGER: "none" } });
    expect(none).toMatchObject({ code: 2, stdout: "" });
    const relative = await runCli(["ledger", "show"], { env: { CLOSING_BELL_LEDGER: "file:x" } });
    expect(relative.code).toBe(2);
    expect(relative.stderr).toContain("must be absolute");
  });
});

describe("ledger adopt", () => {
  let gateway: PushgatewayServer;
  beforeAll(async () => {
    gateway = await startPushgateway();
  });
  afterAll(async () => {
    await gateway.close();
    removeStateDirectories();
  });

  /** One host's command line: its ledger, and the gateway that all of them share. */
  function host(state: string) {
    const local = { CLOSING_BELL_STATE_DIR: state };
    const shared = { PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_SCRAPE_INTERVAL: "0" };
    const cli = (...args: readonly string[]) => runCli(args, { env: { ...local, ...shared } });
    return {
      state,
      cli,
      run: (job: string) => cli("run", "-j", job, "--", "true"),
      /** A run that nobody publishes. */
      record: (job: string) => runCli(["run", "-j", job, "--", "true"], { env: local }),
      id: async () => JSON.parse((await cli("ledger", "show", "--json")).stdout).ledgerId,
    };
  }

  /** A copy of a host's ledger, as of now. */
  function copyOf({ state }: { readonly state: string }) {
    const copy = stateDirectory();
    // All but its sockets, which cannot be copied.
    const filter = (path: string) => basename(dirname(path)) !== "lease";
    cpSync(state, copy, { recursive: true, filter });
    return host(copy);
  }

  async function runsOf(job: string) {
    const values = await scrapeJob(gateway.url, { job });
    return values['batch_job_runs_total{outcome="succeeded"}'];
  }

  test("takes over from another ledger, which is refused from then on", async () => {
    const [old, young] = [host(stateDirectory()), host(stateDirectory())];
    await old.run("moved");
    await old.run("moved");
    await young.run("moved");
    expect(await runsOf("moved")).toBe(2);

    const adopted = await young.cli("ledger", "adopt", "-j", "moved");

    const [oldId, youngId] = [await old.id(), await young.id()];
    expect(adopted).toMatchObject({ code: 0, stdout: "" });
    expect(adopted.stderr).toMatch(
      new RegExp(
        `^closing-bell: \\{job="moved"\\} {2}taken over from version \\d of ledger ${oldId}, as version 1; 2 records to add\n` +
          `closing-bell: \\{job="moved"\\} {2}published 10 series, version 2, to ${gateway.url.origin}\n$`,
      ),
    );
    expect(await runsOf("moved")).toBe(3);
    expect((await young.cli("ledger", "show")).stdout).toMatch(
      new RegExp(`confirmed at \\S+, took over version \\d of ledger ${oldId}\n`),
    );

    const late = await old.run("moved");
    const published = await old.cli("publish");
    expect(late.code).toBe(0);
    for (const { stderr } of [late, published]) {
      expect(stderr).toContain(`at version 2 of ledger ${youngId}, and here is version`);
      expect(stderr).toContain(` of ledger ${oldId} (file:${old.state})`);
    }
    expect(published.code).toBe(1);
    expect(await runsOf("moved")).toBe(3);
    await young.run("moved");
    expect(await runsOf("moved")).toBe(4);
  });

  test("says so when there is nothing to take over", async () => {
    const only = host(stateDirectory());
    await only.run("mine");

    const said = await only.cli("ledger", "adopt", "-j", "mine");
    const asJson = await only.cli("ledger", "adopt", "-j", "mine", "--json");

    expect(said.code).toBe(0);
    expect(said.stderr).toContain('closing-bell: {job="mine"}  needs no adoption: ');
    expect(await only.cli("ledger", "adopt", "-j", "mine", "--quiet")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(asJson).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      status: "not needed",
      publication: { groupingKey: { job: "mine" }, version: 1 },
    });
    expect(await runsOf("mine")).toBe(1);
  });

  test("of a restored backup asks what became of its pending runs", async () => {
    const lived = host(stateDirectory());
    await lived.run("restored");
    await lived.record("restored");
    const backup = copyOf(lived);
    // It counts the run that the backup has as pending, and another one.
    await lived.run("restored");
    expect(await runsOf("restored")).toBe(3);

    const refused = await backup.cli("publish");
    const asked = await backup.cli("ledger", "adopt", "-j", "restored");
    const misspelt = await backup.cli("ledger", "adopt", "-j", "restored", "--pending", "keep");
    const dropped = await backup.cli(
      ...["ledger", "adopt", "-j", "restored", "--pending", "drop", "--json"],
    );

    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("it was restored from a backup, or copied");
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
    expect(asked.stderr).toMatch(/--pending drop when .*, --pending count when /);
    expect(misspelt.code).toBe(2);
    expect(misspelt.stderr).toContain("count, drop");
    expect(dropped).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(dropped.stdout)).toMatchObject({
      status: "adopted",
      from: { ledgerId: await backup.id() },
      pending: 0,
      dropped: 2,
      publication: { status: "published" },
    });
    expect(await runsOf("restored")).toBe(3);
    await backup.run("restored");
    expect(await runsOf("restored")).toBe(4);
  });

  test("of a restored backup counts its pending runs when told to", async () => {
    const lived = host(stateDirectory());
    await lived.run("kept");
    const backup = copyOf(lived);
    await backup.record("kept");
    await lived.run("kept");
    rmSync(lived.state, { recursive: true });

    const { code } = await backup.cli("ledger", "adopt", "-j", "kept", "--pending", "count");

    expect(code).toBe(0);
    expect(await runsOf("kept")).toBe(3);
  });

  test("of a copied ledger stops the one that it was copied from", async () => {
    const first = host(stateDirectory());
    await first.run("twice");
    const second = copyOf(first);
    for (let runs = 0; runs < 3; runs++) await first.run("twice");
    await second.run("twice");
    await second.cli("ledger", "adopt", "-j", "twice");
    expect(await runsOf("twice")).toBe(5);

    const { stderr } = await first.run("twice");

    expect(stderr).toContain("refused: ");
    expect(await runsOf("twice")).toBe(5);
  });

  test.each<{ name: string; args: readonly string[]; code: number; says: string }>([
    { name: "no job", args: [], code: 2, says: "-j, --job <name>" },
    { name: "a label that is none", args: ["-j", "x", "-g", "desk"], code: 2, says: "NAME=VALUE" },
    { name: "another flag", args: ["-j", "x", "--settle"], code: 2, says: "--settle" },
    { name: "a bad gateway", args: ["-j", "x", "--gateway", "x"], code: 2, says: "--gateway" },
  ])("exits with $code for $name", async ({ args, code, says }) => {
    const result = await runCli(["ledger", "adopt", ...args], {
      env: { PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_STATE_DIR: directory },
    });

    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: .*\n(\(Did you mean .*\n)?$/);
    expect(result.stderr).toContain(says);
  });

  test("exits with 2 without a gateway, and with 1 when it is down", async () => {
    const adopt = (env: Readonly<Record<string, string>>) =>
      runCli(["ledger", "adopt", "-j", "x"], {
        env: { CLOSING_BELL_STATE_DIR: directory, ...env },
      });

    const without = await adopt({});
    const down = await adopt({ PUSHGATEWAY_URL: `http://127.0.0.1:${await freePort()}` });

    expect(without.code).toBe(2);
    expect(without.stderr).toContain("no gateway is configured");
    expect(down.code).toBe(1);
    expect(down.stderr).toMatch(/^closing-bell: .*ECONNREFUSED[^\n]*\n$/);
  });
});

function runOf(rows: number) {
  const now = Date.now() / 1000;
  return completionRecord({
    groupingKey: KEY,
    executionId: newExecutionId(),
    outcome: "succeeded",
    startedAt: now,
    completedAt: now,
    families: [{ type: "counter", name: "rows_total", samples: [{ labels: {}, value: rows }] }],
  });
}
