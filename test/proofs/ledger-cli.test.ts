import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { scrape, scrapeJob } from "../cli/scraped.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import {
  describeWithServer,
  type RealPushgateway,
  startRealPushgateway,
} from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(120_000);

const RUNS = 20;

describeWithServer("pushgateway")("a ledger beside the real Pushgateway", () => {
  let gateway: RealPushgateway;

  beforeEach(async () => {
    gateway = await startRealPushgateway();
  });

  afterEach(async () => {
    await gateway.stop();
    removeStateDirectories();
  });

  /** A command line with a ledger of its own, and values that are shown at once. */
  function host() {
    const state = stateDirectory();
    const env = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: state,
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    };
    const cli = (...args: readonly string[]) => runCli(args, { env });
    const replay = (input: string) => runCli(["replay", "-"], { env, input });
    const show = async () => (await cli("ledger", "show")).stdout;
    const id = async () => JSON.parse((await cli("ledger", "show", "--json")).stdout).ledgerId;
    return { state, cli, replay, show, id };
  }

  test(`counts ${RUNS} runs at once, and none of them twice`, async () => {
    const { cli, replay, show } = host();
    const ids = Array.from({ length: RUNS }, (_, run) => `r${run}`);
    const run = (id: string) => cli("run", "-j", "chaos", "--run-id", id, "--", "true");
    const succeeded = 'batch_job_runs_total{outcome="succeeded"}';

    const first = await Promise.all(ids.map(run));
    // A machine too slow to record so many within the deadline of 5 s has logged the others.
    const logged = first.filter(({ stderr }) => stderr.includes("logged whole for replay"));
    for (const { stderr } of logged) expect((await replay(stderr)).code).toBe(0);
    expect((await cli("publish")).code).toBe(0);

    const recorded = first.filter((result) => !logged.includes(result));
    expectEach(recorded, /; recorded for \{job="chaos"\}; /);
    expect((await scrapeJob(gateway.url, { job: "chaos" }))[succeeded]).toBe(RUNS);
    expect(await show()).toContain(", 0 pending\n");

    const again: CliResult[] = [];
    for (let at = 0; at < RUNS; at += 4) {
      again.push(...(await Promise.all(ids.slice(at, at + 4).map(run))));
    }
    expect((await cli("publish")).code).toBe(0);

    expectEach(again, /; counted before under the run id "r\d+"; /);
    const values = await scrapeJob(gateway.url, { job: "chaos" });
    expect(values[succeeded]).toBe(RUNS);
    expect(await show()).toContain(", 0 pending\n");
    // Nothing looks as if it were still running.
    const {
      batch_job_last_start_timestamp_seconds: start = Number.POSITIVE_INFINITY,
      batch_job_last_completion_timestamp_seconds: completion,
    } = values;
    expect(completion).toBeGreaterThanOrEqual(start);
  });

  test("makes a gateway whole that was killed and came back empty", async () => {
    const { cli } = host();
    for (const group of [["-g", "desk=a/b ü"], ["-g", "desk="], []]) {
      for (const code of [0, 3]) {
        await cli("run", "-j", "nightly", ...group, "--", "sh", "-c", `exit ${code}`);
      }
    }
    await cli("run", "-j", "other", "--", "true");
    const before = await pushed(gateway.url);
    gateway.kill("SIGKILL");
    await gateway.closed;
    const down = await cli("publish");
    gateway = await startRealPushgateway({ port: Number(gateway.url.port) });
    expect(await pushed(gateway.url)).toEqual([]);

    const { code, stderr } = await cli("publish");

    expect(down.code).toBe(1);
    expect(down.stderr).toMatch(/^closing-bell: [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect(code).toBe(0);
    expect(stderr.match(/ {2}published \d+ series, /g)).toHaveLength(4);
    expect(before).toHaveLength(10 * 4);
    expect(await pushed(gateway.url)).toEqual(before);
    expect((await cli("publish")).stderr.match(/ is up to date, /g)).toHaveLength(4);
  });

  test("refuses a group of another ledger, until it takes over, and the other is refused", async () => {
    const [first, second] = [host(), host()];
    const run = ["run", "-j", "nightly", "-g", "strategy=s", "--", "true"];
    const group = { job: "nightly", strategy: "s" };
    await first.cli(...run);
    await first.cli(...run);
    const totals = await scrapeJob(gateway.url, group);

    const refused = await second.cli(...run);
    const publish = await second.cli("publish");

    const [firstId, secondId] = [await first.id(), await second.id()];
    expect(await scrapeJob(gateway.url, group)).toEqual(totals);
    expect([refused.code, publish.code]).toEqual([0, 1]);
    for (const { stderr } of [refused, publish]) {
      expect(stderr).toMatch(/^closing-bell: [^\n]+\n$/);
      expect(stderr).toContain(`of ledger ${firstId}, and here is version 0 of ledger ${secondId}`);
      expect(stderr).toContain(`(file:${second.state})`);
      expect(stderr).toContain("closing-bell ledger adopt -j nightly -g strategy=s");
    }
    expect(await second.show()).toContain("2 pending\n");

    const adopted = await second.cli("ledger", "adopt", "-j", "nightly", "-g", "strategy=s");

    expect(adopted.code).toBe(0);
    expect(adopted.stderr).toContain(`of ledger ${firstId}, as version 1; 2 records to add\n`);
    expect(await scrapeJob(gateway.url, group)).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 3,
      [`closing_bell_ledger_version{ledger_id="${secondId}"}`]: 2,
    });

    const late = await first.cli(...run);
    expect(late.stderr).toContain(`version 2 of ledger ${secondId}, and here is version`);
    expect(late.stderr).toContain(`of ledger ${firstId} (file:${first.state})`);
    expect((await first.cli("publish")).code).toBe(1);
    await second.cli(...run);
    expect(await scrapeJob(gateway.url, group)).toMatchObject({
      'batch_job_runs_total{outcome="succeeded"}': 4,
    });
  });
});

function expectEach(results: readonly CliResult[], said: RegExp): void {
  for (const { code, stderr } of results) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(said) });
  }
}

/** Every series that was pushed, and its value; not what the gateway tells of pushes and of itself. */
async function pushed(base: URL): Promise<readonly string[]> {
  const families = await scrape(base);
  return families
    .flatMap((family) => {
      if (family.type === "histogram" || family.type === "summary") return [];
      return family.samples.map(({ labels, value }) => ({ name: family.name, labels, value }));
    })
    .filter(({ name, labels }) => "job" in labels && !/^push_(?:failure_)?time_/.test(name))
    .map((series) => JSON.stringify(series))
    .sort();
}
