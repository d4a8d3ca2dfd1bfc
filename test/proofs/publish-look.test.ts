import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "@jest/globals";
import { repairGroup } from "../../src/ledger/repair.ts";
import { printTable } from "../support/print-table.ts";
import { GROUP } from "../support/run-records.ts";
import { describeWithServer } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import {
  DAMAGES,
  playAdoptedCopy,
  playAdoptedMeanwhile,
  playBackup,
  playOldFile,
  playRestoredTwice,
  playUnreadable,
} from "./publish/histories.ts";
import { ledgerIn } from "./publish/play.ts";
import { ledgersSeen } from "./publish/sightings.ts";
import {
  expectMismatch,
  NOTHING_WRONG,
  newestSnapshotFile,
  playTrials,
  type Scene,
  startFiling,
  type Trials,
  waitingIn,
} from "./publish/trials.ts";

const TRIALS = 3;

/** Times that both ledgers record and publish, per trial. */
const ROUNDS = 8;

const rows: string[][] = [];

afterAll(() => {
  removeStateDirectories();
  printTable(
    "Somebody else's totals, older ones, unreadable ones; scraped every 5 ms",
    ["what", "trials", "refused", "falls", "false", "lost", "double", "scrapes", "seconds"],
    rows,
  );
});

describeWithServer("pushgateway")("two ledgers on one group", () => {
  test("only the first changes the gateway, until the other is adopted; and back", async () => {
    const tally = await tallied("two ledgers", { trials: TRIALS }, async (play) => {
      const [first, second] = [play.directory(), play.directory()];
      for (let round = 1; round <= ROUNDS; round++) {
        await play.record(first);
        expect(await play.publish(first)).toMatchObject({ status: "published", version: round });
        await play.record(second);
        const refusal = await play.publish(second, round % 2 === 0 ? "tick" : "run");
        await expectMismatch(refusal, { ours: [second, 0], theirs: [first, round] });
      }
      expect(await waitingIn(second)).toBe(ROUNDS);
      expect(await ledgerIn(second).readSnapshot(GROUP)).toBeUndefined();
      expect(ledgersSeen(play.scraper.log.sightings)).toEqual([await ledgerIn(first).ledgerId()]);

      expect(await play.adopt(second)).toMatchObject({ status: "adopted", pending: ROUNDS });
      expect(await play.publish(second)).toMatchObject({ status: "published", version: 2 });
      expect(await play.shown()).toEqual({ version: 2, total: 2 * ROUNDS });
      await play.record(first, 2);
      const refusal = await play.publish(first);
      await expectMismatch(refusal, { ours: [first, ROUNDS], theirs: [second, 2] });

      expect(await play.adopt(first)).toMatchObject({ status: "adopted", pending: 2 });
      expect(await play.publish(first, "tick")).toMatchObject({ status: "published" });
      expect(await play.shown()).toEqual({ version: ROUNDS + 2, total: 2 * ROUNDS + 2 });
      await play.record(second);
      const back = await play.publish(second);
      await expectMismatch(back, { ours: [second, 2], theirs: [first, ROUNDS + 2] });
    });
    expect(tally).toMatchObject({ ...NOTHING_WRONG, refused: TRIALS * (ROUNDS + 2) });
  }, 120_000);

  test("refuse the first one even in a process that goes on", async () => {
    const tally = await tallied("two, a lasting process", { trials: TRIALS }, playAdoptedMeanwhile);
    expect(tally).toMatchObject({ ...NOTHING_WRONG, refused: TRIALS });
  }, 120_000);

  test("make the total fall when nobody looks", async () => {
    const tally = await tallied("two ledgers, no look", { trials: 1 }, async (play) => {
      const [first, second] = [play.directory(), play.directory()];
      for (let round = 1; round <= ROUNDS; round++) {
        await play.record(first, 2);
        await play.publish(first);
        await play.scraper.next();
        await play.record(second);
        await play.force(second);
        await play.scraper.next();
        await play.force(first);
      }
    });
    expect(tally.falls).toBeGreaterThanOrEqual(ROUNDS);
  }, 120_000);
});

describeWithServer("pushgateway")("a restored, older ledger", () => {
  test.each([
    { name: "nothing in doubt", doubtful: 0, choice: undefined },
    { name: "in doubt, drop", doubtful: 2, choice: "drop" },
    { name: "in doubt, count", doubtful: 2, choice: "count" },
  ] as const)(
    "is refused until it is adopted ($name)",
    async ({ name, doubtful, choice }) => {
      const tally = await tallied(`restored, ${name}`, { trials: TRIALS }, async (play) => {
        const state = play.directory();
        const backup = await playBackup(play, state, choice === "drop" ? doubtful : 0);
        const before = await play.shown();
        play.copy(backup.directory, state);
        // The gateway's clock is finer than ours, which counts whole milliseconds.
        await sleep(5);
        await play.record(state, 3);
        // From a log, say: they ended before the last push, and were in no ledger yet.
        if (choice === "count") await play.record(state, doubtful, backup.at);

        for (const how of ["run", "tick"] as const) {
          const refusal = await play.publish(state, how);
          await expectMismatch(refusal, { ours: [state, 3], theirs: [state, 7] });
        }
        if (choice !== undefined) {
          await expect(play.adopt(state)).rejects.toThrow(/has 2 pending runs .*--pending drop/s);
        }
        expect(await play.shown()).toEqual(before);
        expect(await waitingIn(state)).toBe(doubtful + 3);

        const dropped = choice === "drop" ? doubtful : 0;
        expect(await play.adopt(state, choice)).toMatchObject({ status: "adopted", dropped });
        expect(await play.publish(state)).toMatchObject({ status: "published" });
        expect((await play.shown()).total).toBe((before.total ?? 0) + 3 + doubtful - dropped);
      });
      expect(tally).toMatchObject({ ...NOTHING_WRONG, refused: 2 * TRIALS });
    },
    120_000,
  );

  test("is refused again when it is restored again, or when its copy was adopted", async () => {
    const twice = await tallied("restored twice", { trials: 1 }, playRestoredTwice);
    expect(twice).toMatchObject({ ...NOTHING_WRONG, refused: 2 });
    const copied = await tallied("copied, copy adopted", { trials: 1 }, playAdoptedCopy);
    expect(copied).toMatchObject({ ...NOTHING_WRONG, refused: 3 });
  }, 120_000);

  test("makes the total fall, and shows false ones, when nobody looks", async () => {
    const tally = await tallied("restored, no look", { trials: 1 }, async (play) => {
      const state = play.directory();
      const backup = await playBackup(play, state, 0);
      await play.scraper.next();
      play.copy(backup.directory, state);
      for (let run = 0; run < 3; run++) {
        await play.record(state, 2);
        await play.force(state);
        await play.scraper.next();
      }
    });
    expect(tally.falls).toBeGreaterThan(0);
    expect(tally.falseValues).toBeGreaterThan(0);
    expect(tally.lost).toBeGreaterThan(0);
  }, 120_000);
});

describeWithServer("pushgateway")("a gateway that comes back with an old file", () => {
  test("is whole after the next tick, and shows nothing that never was", async () => {
    let file = "";
    const start = () => {
      file = `${stateDirectory()}.gateway`;
      return startFiling(file);
    };
    const tally = await tallied(
      "old persistence file",
      { trials: TRIALS, start },
      async (play, gateway) => {
        const state = play.directory();
        await playOldFile(play, state, { gateway, file });
        expect((await play.publish(state, "tick")).status).toBe("published");
        expect(await play.shown()).toEqual({ version: 4, total: 8 });
        expect((await play.publish(state, "tick")).status).toBe("current");
        await play.record(state);
        expect(await play.publish(state)).toMatchObject({ status: "published", version: 5 });
      },
    );
    expect(tally).toMatchObject(NOTHING_WRONG);
  }, 120_000);
});

describeWithServer("pushgateway")("totals that cannot be read", () => {
  test.each(DAMAGES)(
    "stop their group alone until they are repaired ($name)",
    async (damage) => {
      const tally = await tallied(`unreadable: ${damage.name}`, { trials: 1 }, async (play) => {
        const state = play.directory();
        for (let round = 1; round <= TRIALS; round++) {
          await play.record(state, 2);
          expect(await play.publish(state)).toMatchObject({ status: "published" });
          await playUnreadable(play, state, damage);
          await play.record(state, 2);
          expect(await repairGroup(ledgerIn(state), GROUP)).toMatchObject({ status: "repaired" });
          const repaired = await play.publish(state, round % 2 === 0 ? "tick" : "run");
          expect(repaired.status).toBe("published");
          expect((await play.shown()).total).toBe(6 * round);
        }
      });
      expect(tally).toMatchObject({ ...NOTHING_WRONG, refused: 2 * TRIALS });
    },
    120_000,
  );

  test("make the total fall when older ones are taken instead", async () => {
    const tally = await tallied("unreadable, older taken", { trials: 1 }, async (play) => {
      const state = play.directory();
      for (let run = 0; run < 3; run++) {
        await play.record(state, 2);
        await play.publish(state);
      }
      await play.scraper.next();
      rmSync(newestSnapshotFile(state));
      await play.force(state);
    });
    expect(tally.falls).toBeGreaterThan(0);
  }, 120_000);
});

async function tallied(what: string, trials: Trials, scene: Scene) {
  const { seconds, ...tally } = await playTrials(trials, scene);
  const { refused, falls, falseValues, lost, double, scrapes } = tally;
  const figures = [trials.trials, refused, falls, falseValues, lost, double, scrapes];
  rows.push([what, ...figures.map(String), seconds.toFixed(1)]);
  return tally;
}
