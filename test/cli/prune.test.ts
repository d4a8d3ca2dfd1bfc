import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { manualClock } from "../support/manual-clock.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

/** Of the gateway: what is pushed was pushed ten days ago, unless the clock is moved on. */
const clock = manualClock(Date.now() / 1000 - 10 * 86_400);
let gateway: PushgatewayServer;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  gateway = await startPushgateway({ clock });
  env = {
    PUSHGATEWAY_URL: gateway.url.href,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
});

const prune = (...args: readonly string[]) => runCli(["prune", ...args], { env });

test("prune lists what nobody reports to any more, and removes it only with --yes", async () => {
  for (const path of ["old/region/eu", "old", "kept"]) await put(path);
  await runCli(["run", "-j", "alive", "--", "true"], { env });
  const theirs = { ...env, CLOSING_BELL_STATE_DIR: stateDirectory() };
  await runCli(["run", "-j", "theirs", "--", "true"], { env: theirs });
  clock.advance(9 * 86_400);
  await put("young");

  const dry = await prune("--older-than", "7d", "-j", "old", "-j", "young");
  expect(dry.code).toBe(0);
  const age = String.raw`1 series, last push \S+Z, 10d ago`;
  expect(dry.stdout).toMatch(
    new RegExp(
      `^would remove \\{job="old",region="eu"\\} {2}${age}\nwould remove \\{job="old"\\} {2}${age}\n$`,
    ),
  );
  expect(dry.stderr).toBe(
    `closing-bell: 2 of 3 groups at ${gateway.url.origin} are older than 7d; nothing was removed, --yes removes them\n`,
  );
  expect(await rowsOf("old")).toBe(1);

  const json = await prune("--older-than", "7d", "--json", "--yes", "-j", "old");
  expect(json).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(json.stdout)).toMatchObject({
    dryRun: false,
    olderThanSeconds: 604_800,
    examined: 2,
    groups: [
      { groupingKey: { job: "old", labels: { region: "eu" } }, action: "removed", by: "push" },
      { groupingKey: { job: "old", labels: {} }, action: "removed", series: 1 },
    ],
  });
  expect(await rowsOf("old")).toBeUndefined();
  expect(await rowsOf("kept")).toBe(1);

  // The runs of this ledger and of the other one are seconds old, whatever the gateway's clock says.
  const all = await prune("--older-than", "7d", "--yes");
  expect(all.stdout).toMatch(/^removed \{job="kept"\} {2}[^\n]+\n$/);
  expect(all.stderr).toContain("1 of 4 groups");
});

test("prune removes a dead ledger group for good, and leaves another ledger's alone", async () => {
  const { code, stdout, stderr } = await prune("--older-than", "1ms", "--yes");

  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^removed \{job="alive"\} {2}10 series, last run \S+Z, \d+s ago; totals of 2 records removed, as version \d+; deleted at /,
  );
  expect(stderr).toMatch(
    /^closing-bell: \{job="theirs"\} {2}left alone, last run .*; ledger \S+ publishes it$/m,
  );
  const publish = await runCli(["publish"], { env });
  expect(publish.stderr).toContain('{job="alive"}  was removed on purpose');
  expect(await scrapeJob(gateway.url, { job: "alive" })).toEqual({});
  expect(await prune("--older-than", "1ms", "--yes", "--quiet")).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "",
  });

  await runCli(["run", "-j", "alive", "--", "true"], { env });
  const values = await scrapeJob(gateway.url, { job: "alive" });
  expect(values['batch_job_runs_total{outcome="succeeded"}']).toBe(1);
});

test.each<{ args: readonly string[]; says: string }>([
  { args: [], says: "--older-than" },
  { args: ["--older-than", "7"], says: "expected a duration" },
  { args: ["--older-than", "0"], says: "is every group" },
])("prune $args is refused with 2", async ({ args, says }) => {
  const result = await prune(...args);
  expect(result).toMatchObject({ code: 2, stdout: "" });
  expect(result.stderr).toContain(says);
});

async function put(path: string): Promise<void> {
  const url = new URL(`/metrics/job/${path}`, gateway.url);
  await fetch(url, { method: "PUT", body: "rows 1\n" });
}

async function rowsOf(job: string): Promise<number | undefined> {
  return (await scrapeJob(gateway.url, { job }))["rows"];
}
