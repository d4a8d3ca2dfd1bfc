import { afterEach, describe, expect, test } from "@jest/globals";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import { createPruner, type GroupPruning } from "../../src/reporter/prune.ts";
import { scrapeJob } from "../cli/scraped.ts";
import { type Bench, endPublishing, ledgerNamed, startBench } from "../publish/publishing.ts";
import { gauge, NIGHT, runsTotal, success } from "../support/run-records.ts";

afterEach(endPublishing);

const DAY = 86_400;
const GOES_ON = new AbortController().signal;
const IMPORT = groupingKey("import");

describe("of the jobs that are listed", () => {
  test("groups that nobody pushed to for long enough are removed, and no others", async () => {
    const bench = await startBench();
    for (const job of ["import", "export", "kept"]) await push(bench, job);
    bench.clock.advance(2 * DAY);
    await push(bench, "export");
    const pruned = await prunerOf(bench, ["import", "export"])(GOES_ON);

    expect(pruned).toEqual([{ groupingKey: IMPORT, pruned: { status: "removed" } }]);
    expect(await jobsAt(bench)).toEqual(["export", "kept"]);
  });

  test("none are listed: nothing is removed", async () => {
    const bench = await startBench();
    await push(bench, "import");
    bench.clock.advance(100 * DAY);
    expect(await prunerOf(bench, [])(GOES_ON)).toEqual([]);
    expect(await jobsAt(bench)).toEqual(["import"]);
  });

  test("a ledger's group goes with its totals, and begins at 0 when its job returns", async () => {
    const bench = await startBench();
    await run(bench, "a", NIGHT);
    await run(bench, "b", NIGHT);
    await bench.publisher.publish(IMPORT);
    bench.clock.advance(2 * DAY);
    // Healing pushes it again; its runs are as old as they were.
    await bench.gateway.restart();
    await bench.publisher.publishAll();

    expect(await prunerOf(bench)(GOES_ON)).toMatchObject([
      { groupingKey: IMPORT, pruned: { status: "removed", removal: { records: 2 } } },
    ]);
    expect(await jobsAt(bench)).toEqual([]);
    await bench.publisher.publishAll();
    expect(await jobsAt(bench)).toEqual([]);

    await run(bench, "c", NIGHT + 2 * DAY);
    await bench.publisher.publishAll();
    expect(await bench.shown("batch_job_runs_total", { outcome: "succeeded" }, IMPORT)).toBe(1);
  });

  test("one that ran a moment ago, and is not published yet, stays", async () => {
    const bench = await startBench();
    await run(bench, "a", NIGHT);
    await bench.publisher.publish(IMPORT);
    bench.clock.advance(2 * DAY);
    await run(bench, "b", NIGHT + 2 * DAY);
    expect(await prunerOf(bench)(GOES_ON)).toEqual([]);
    expect(await jobsAt(bench)).toEqual(["import"]);
  });

  test("another ledger's group is left alone, and that is told", async () => {
    const theirs = await startBench({ ledger: ledgerNamed("theirs") });
    await run(theirs, "a", NIGHT);
    await theirs.publisher.publish(IMPORT);
    const { gateway, clock } = theirs;
    clock.advance(2 * DAY);
    const ours = await startBench({ ledger: ledgerNamed("ours"), gateway, clock });

    expect(await prunerOf(ours)(GOES_ON)).toEqual([
      { groupingKey: IMPORT, pruned: { status: "left", why: "ledger theirs publishes it" } },
    ]);
    expect(await jobsAt(ours)).toEqual(["import"]);
  });
});

test("looks for them at most once an hour, whatever the wall clock does", async () => {
  const bench = await startBench();
  const prune = prunerOf(bench);
  const looks: number[] = [];
  for (let minute = 0; minute <= 130; minute += 10) {
    bench.gateway.seen();
    await prune(GOES_ON);
    if (bench.gateway.seen().length > 0) looks.push(minute);
    bench.clock.advance(600);
  }
  expect(looks).toEqual([0, 60, 120]);
});

describe("never rejects", () => {
  test("when the gateway cannot be read, and looks again in an hour", async () => {
    const bench = await startBench();
    const prune = prunerOf(bench);
    bench.gateway.meddle(() => 404);
    expect(await prune(GOES_ON)).toMatchObject([{ error: { code: "ERR_PUSH", status: 404 } }]);
    expect(await prune(GOES_ON)).toEqual([]);
    bench.clock.advance(3600);
    expect(await prune(GOES_ON)).toMatchObject([{ error: { code: "ERR_PUSH" } }]);
  });

  test("when a group cannot be removed: that is told, and the others go", async () => {
    const bench = await startBench();
    for (const job of ["a", "b"]) await push(bench, job);
    bench.clock.advance(2 * DAY);
    bench.gateway.meddle(({ method, path }) => {
      return method === "DELETE" && path.endsWith("/a") ? 400 : undefined;
    });
    const pruned = await prunerOf(bench, ["a", "b"])(GOES_ON);
    expect(byJob(pruned)).toMatchObject([
      { pruned: { status: "failed", error: { code: "ERR_PUSH" } } },
      { pruned: { status: "removed" } },
    ]);
    expect(await jobsAt(bench)).toEqual(["a"]);
  });

  test("when a fault is ours: what was removed before it is told with it", async () => {
    const bench = await startBench();
    await push(bench, "a");
    await run(bench, "x", NIGHT);
    bench.clock.advance(2 * DAY);
    await bench.publisher.publish(IMPORT);
    const ledger = {
      ...bench.ledger,
      async lease(): Promise<never> {
        throw new TypeError("lease is not a function");
      },
    };
    const pruned = await prunerOf({ ...bench, ledger }, ["a", "import"])(GOES_ON);
    expect(pruned).toMatchObject([
      { groupingKey: { job: "a" }, pruned: { status: "removed" } },
      { error: { message: "lease is not a function" } },
    ]);
  });

  test("when it is told to stop, and then does nothing more", async () => {
    const bench = await startBench();
    for (const job of ["a", "b"]) await push(bench, job);
    bench.clock.advance(2 * DAY);
    const stop = new AbortController();
    bench.gateway.meddle(({ method }) => {
      if (method === "DELETE") stop.abort(new Error("enough"));
      return undefined;
    });
    const pruned = await prunerOf(bench, ["a", "b"])(stop.signal);
    expect(pruned.at(-1)).toMatchObject({ error: { message: "enough" } });
    expect(await jobsAt(bench)).toHaveLength(1);
    bench.gateway.seen();
    expect(await prunerOf(bench)(stop.signal)).toEqual([]);
    expect(bench.gateway.seen()).toEqual([]);
  });
});

function prunerOf(bench: Bench, jobs: readonly string[] = ["import"]) {
  const { client, ledger, publisher, clock } = bench;
  return createPruner({ client, ledger, publisher, clock, olderThanSeconds: DAY, jobs });
}

async function push({ gateway }: Bench, job: string) {
  await gateway.send({ method: "PUT", path: `/metrics/job/${job}`, body: Buffer.from("rows 7\n") });
}

async function run({ ledger }: Bench, id: string, completedAt: number, key: GroupingKey = IMPORT) {
  const families = [runsTotal(), gauge("batch_job_last_completion_timestamp_seconds", completedAt)];
  await ledger.append(success(id, families, { groupingKey: key, completedAt }));
}

async function jobsAt({ gateway }: Bench): Promise<readonly string[]> {
  const jobs = ["a", "b", "import", "export", "kept"];
  const shown = await Promise.all(jobs.map((job) => scrapeJob(gateway.url, { job })));
  return jobs.filter((_, index) => Object.keys(shown[index] ?? {}).length > 0).sort();
}

function byJob(all: readonly GroupPruning[]): readonly GroupPruning[] {
  const job = (each: GroupPruning) => each.groupingKey?.job ?? "";
  return all.toSorted((a, b) => (job(a) < job(b) ? -1 : 1));
}
