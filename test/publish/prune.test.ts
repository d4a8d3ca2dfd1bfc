import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { findOldGroups } from "../../src/publish/prune.ts";
import { removeGroup } from "../../src/publish/remove-group.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { GROUP, gauge, NIGHT, runsTotal, success } from "../support/run-records.ts";
import { type Bench, endPublishing, groupNumber, ledgerNamed, startBench } from "./publishing.ts";

afterEach(endPublishing);

const DAY = 86_400;

describe("of groups that no ledger publishes, the last push counts", () => {
  test("and the whole set of labels names them", async () => {
    const bench = await startBench();
    await push(bench, "/metrics/job/import/region/eu");
    bench.clock.advance(DAY);
    await push(bench, "/metrics/job/import/region/us");
    bench.clock.advance(DAY);

    expect(await findOld(bench, 1.5 * DAY)).toMatchObject({
      examined: 2,
      old: [
        {
          status: "old",
          groupingKey: groupingKey("import", { region: "eu" }),
          ownership: { status: "nobody" },
          by: "push",
          lastAt: NIGHT + 60,
        },
      ],
    });
  });

  test("one that failed as well", async () => {
    const bench = await startBench();
    await push(bench, "/metrics/job/import");
    bench.clock.advance(2 * DAY);
    await push(bench, "/metrics/job/import", "rows 1 1000\n");
    expect((await findOld(bench, DAY)).old).toEqual([]);
    bench.clock.advance(2 * DAY);
    expect((await findOld(bench, DAY)).old).toMatchObject([{ lastAt: NIGHT + 60 + 2 * DAY }]);
  });

  test("and only jobs that are named", async () => {
    const bench = await startBench();
    for (const job of ["a", "b", "c"]) await push(bench, `/metrics/job/${job}`);
    bench.clock.advance(2 * DAY);
    const found = await findOld(bench, DAY, ["a", "c", "d"]);
    expect(found.old.map(({ groupingKey: { job } }) => job).sort()).toEqual(["a", "c"]);
    expect(found.examined).toBe(2);
  });

  test("one that no request can name is told", async () => {
    const bench = await startBench();
    await push(bench, "/metrics/job/import/le/1");
    bench.clock.advance(2 * DAY);
    expect((await findOld(bench, DAY)).old).toMatchObject([
      { status: "untouchable", error: { code: "ERR_GROUPING_KEY" } },
    ]);
  });
});

describe("of a ledger's groups, the last run counts", () => {
  test("however often the gateway is healed", async () => {
    const bench = await published(NIGHT);
    await bench.gateway.restart();
    bench.clock.advance(2 * DAY);
    await bench.publisher.publishAll();
    expect((await findOld(bench, DAY)).old).toMatchObject([
      { by: "run", lastAt: NIGHT, ownership: { status: "ours" } },
    ]);
  });

  test("its start while it runs", async () => {
    const bench = await published(NIGHT, [
      gauge("batch_job_last_start_timestamp_seconds", NIGHT + 2 * DAY),
    ]);
    bench.clock.advance(2 * DAY);
    expect((await findOld(bench, DAY)).old).toEqual([]);
  });

  test("one that is not published yet as well", async () => {
    const bench = await published(NIGHT);
    bench.clock.advance(2 * DAY);
    await bench.ledger.append(success("b", undefined, { completedAt: NIGHT + 2 * DAY }));
    expect((await findOld(bench, DAY)).old).toEqual([]);
  });

  test("those of another ledger are told apart, old or not", async () => {
    const bench = await published(NIGHT);
    const other = ledgerNamed("other");
    bench.clock.advance(2 * DAY);
    const { gateway, clock } = bench;
    const asOther = await startBench({ ledger: other, gateway, clock });
    expect((await findOld(asOther, DAY)).old).toMatchObject([
      { ownership: { status: "another", version: { ledgerId: "memory", version: 1 } } },
    ]);
    expect((await findOld({ ...bench, ledger: undefined }, DAY)).old).toMatchObject([
      { ownership: { status: "another" } },
    ]);
    expect((await findOld(asOther, 3 * DAY)).old).toEqual([]);
  });

  test("a push over one is somebody's own and counts, too", async () => {
    const bench = await published(NIGHT);
    bench.clock.advance(2 * DAY);
    await push(bench, `/metrics/job/${GROUP.job}/mode/${GROUP.labels["mode"]}`);
    expect((await findOld(bench, DAY)).old).toEqual([]);
    bench.clock.advance(2 * DAY);
    expect((await findOld(bench, DAY)).old).toMatchObject([
      { by: "push", ownership: { status: "ours" } },
    ]);
  });

  test("one that was removed and is pushed by somebody else is the ledger's no more", async () => {
    const bench = await published(NIGHT);
    const { ledger, client, clock } = bench;
    await removeGroup({ ledger, client, clock, signal: new AbortController().signal }, GROUP);
    await push(bench, `/metrics/job/${GROUP.job}/mode/${GROUP.labels["mode"]}`);
    bench.clock.advance(2 * DAY);
    expect((await findOld(bench, DAY)).old).toMatchObject([{ ownership: { status: "nobody" } }]);
  });

  test("one whose totals cannot be read is told, and hides no others", async () => {
    const bench = await published(NIGHT);
    await push(bench, "/metrics/job/import");
    bench.clock.advance(2 * DAY);
    const ledger: Ledger = {
      ...bench.ledger,
      readSnapshot: async () => ({ version: 1, bytes: Buffer.from("x") }),
    };
    const { old } = await findOld({ ...bench, ledger }, DAY);
    expect(old.map((each) => each.status).sort()).toEqual(["old", "untouchable"]);
  });
});

test("without a gateway the ledger's own groups are looked at, those that were removed left out", async () => {
  const bench = await published(NIGHT);
  const { ledger, clock } = bench;
  clock.advance(2 * DAY);
  const findHere = () =>
    findOldGroups({ client: undefined, ledger, clock, olderThanSeconds: DAY, jobs: undefined });
  expect((await findHere()).old).toMatchObject([
    { groupingKey: GROUP, by: "run", lastAt: NIGHT, series: 2, ownership: { status: "ours" } },
    // Recorded, and neither added to totals nor published.
    { groupingKey: groupNumber(1), by: "run", lastAt: NIGHT + 1, series: 0 },
  ]);
  const signal = new AbortController().signal;
  expect(await removeGroup({ ledger, client: undefined, clock, signal }, GROUP)).toMatchObject({
    status: "removed",
    records: 1,
  });
  expect((await findHere()).old).toMatchObject([{ groupingKey: groupNumber(1) }]);
  // A gateway hears of it at the next publish.
  const published1 = await bench.publisher.publishAll();
  expect(published1.map(({ status }) => status).sort()).toEqual(["published", "removed"]);
});

test("a group from the future is not old", async () => {
  const bench = await startBench({ clock: manualClock(NIGHT) });
  await push(bench, "/metrics/job/import");
  bench.clock.advance(-DAY);
  expect((await findOld(bench, 1)).old).toEqual([]);
});

function findOld(
  {
    client,
    ledger,
    clock,
  }: Pick<Bench, "client"> & { ledger: Ledger | undefined; clock: ManualClock },
  olderThanSeconds: number,
  jobs?: readonly string[],
) {
  return findOldGroups({ client, ledger, clock, olderThanSeconds, jobs });
}

async function push({ gateway }: Bench, path: string, text = "rows 7\n") {
  await gateway.send({ method: "PUT", path, body: Buffer.from(text) });
}

/** A group of the ledger whose run ended then. */
async function published(at: number, others: Parameters<typeof success>[1] = []): Promise<Bench> {
  const bench = await startBench();
  const families = [runsTotal(), gauge("batch_job_last_completion_timestamp_seconds", at)];
  await bench.ledger.append(success("a", [...families, ...others]));
  await bench.publisher.publish(GROUP);
  // Known to the ledger, and never published.
  await bench.ledger.append(success("x", undefined, { groupingKey: groupNumber(1) }));
  return bench;
}
