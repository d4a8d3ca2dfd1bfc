import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { LedgerCorruptError, LedgerFormatError, LedgerUnavailableError } from "../../src/errors.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import {
  readTracking,
  type StateStore,
  saveTracking,
  trackIn,
  trackingName,
} from "../../src/reporter/tracking-state.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { trackingAfter, UTC, unix } from "./looks.ts";
import { expectedOf, HAND_LOOKS, readingOf, TWO_DAYS } from "./two-days.ts";

afterAll(removeStateDirectories);

const LIVE = trackingName("live");
const NOON = unix("2026-11-23T12:00Z");
const CAPITAL = { ...UTC, startCapital: 1000 };

describe("a ledger of files", () => {
  test("carries two days, calculated by hand, from one reporter to the next", async () => {
    const directory = stateDirectory();
    for (const look of HAND_LOOKS) {
      const { at, ...reading } = readingOf(look);
      const ledger = createFileLedger({ directory });
      const tracked = await trackIn(ledger, LIVE, reading, { ...TWO_DAYS, now: at });
      expect(tracked).toEqual({ figures: expectedOf(look) });
    }
    // One of them had no equity.
    const { version } = await readTracking(createFileLedger({ directory }), LIVE);
    expect(version).toBe(HAND_LOOKS.length - 1);
  });

  test("grows by one small file a look, up to twenty", async () => {
    const directory = stateDirectory();
    const ledger = createFileLedger({ directory });
    for (let look = 0; look < 30; look++) {
      const reading = { equity: 123_456.789 + look, cashFlowTotal: 1e5, currency: "USD" };
      await trackIn(ledger, LIVE, reading, { ...CAPITAL, now: NOON + look });
    }
    const files = filesOf(directory);
    expect(files).toHaveLength(20);
    for (const file of files) expect(readFileSync(file).length).toBeLessThan(500);
  });

  test("keeps what two and more reporters see at once, all of it", async () => {
    const directory = stateDirectory();
    const ledgers = Array.from({ length: 6 }, () => createFileLedger({ directory }));
    const equities: number[] = [];
    for (let round = 0; round < 10; round++) {
      const looks = ledgers.map(async (ledger, reporter) => {
        const equity = 1000 + (((round * 6 + reporter) * 37) % 211);
        equities.push(equity);
        const now = NOON + round * 60 + reporter / 10;
        return trackIn(ledger, LIVE, { equity }, { ...CAPITAL, now });
      });
      for (const { error } of await Promise.all(looks)) expect(error).toBeUndefined();
    }
    const { version, tracking } = await readTracking(createFileLedger({ directory }), LIVE);
    expect(version).toBe(60);
    expect(tracking?.peak).toBeCloseTo(Math.max(...equities) / 1000, 12);
    expect(tracking?.unit).toBeCloseTo((tracking?.equity ?? 0) / 1000, 12);
    expect(tracking?.at).toBe(NOON + 9 * 60 + 0.5);
  });

  test("does not let a broken file be forgotten", async () => {
    const directory = stateDirectory();
    const ledger = createFileLedger({ directory });
    await trackIn(ledger, LIVE, { equity: 1000 }, { ...CAPITAL, now: NOON });
    for (const file of filesOf(directory)) writeFileSync(file, "{");
    const tracked = await trackIn(ledger, LIVE, { equity: 900 }, { ...CAPITAL, now: NOON + 900 });
    expect(tracked).toEqual({
      figures: { totalValue: 900 },
      error: expect.any(LedgerCorruptError),
    });
    expect(filesOf(directory).map((file) => readFileSync(file, "utf8"))).toEqual(["{"]);
  });
});

test("paper and live never mix", async () => {
  const ledger = createMemoryLedger();
  await trackIn(ledger, LIVE, { equity: 1000 }, { ...UTC, now: NOON });
  await trackIn(ledger, trackingName("paper"), { equity: 9 }, { ...UTC, now: NOON });
  const { figures } = await trackIn(ledger, LIVE, { equity: 900 }, { ...UTC, now: NOON + 900 });
  expect(figures).toMatchObject({ dailyPnl: -100, currentDrawdownPct: -10 });
});

describe("the item is left as it is", () => {
  test.each([
    { name: "there is no equity", reading: { cash: 7 }, now: NOON + 900 },
    { name: "the same was observed at the same time", reading: { equity: 1000 }, now: NOON },
  ])("when $name", async ({ reading, now }) => {
    const ledger = createMemoryLedger();
    await trackIn(ledger, LIVE, { equity: 1000 }, { ...UTC, now: NOON });
    expect((await trackIn(ledger, LIVE, reading, { ...UTC, now })).error).toBeUndefined();
    expect((await ledger.readState(LIVE))?.version).toBe(1);
  });

  const good = trackingAfter([{ equity: 1000, at: NOON }]);

  test.each<{ name: string; value: unknown; problem: string }>([
    { name: "nothing", value: undefined, problem: "format is undefined" },
    { name: "null", value: null, problem: "format is undefined" },
    { name: "a text", value: "{}", problem: "format is undefined" },
    { name: "a format of no time", value: { ...good, format: 0 }, problem: "format is 0" },
    { name: "a unit of text", value: { ...good, unit: "1" }, problem: 'unit is "1"' },
    { name: "a unit below 0", value: { ...good, unit: -1 }, problem: "unit is -1" },
    { name: "no peak", value: { ...good, peak: null }, problem: "peak is null" },
    { name: "a peak below the unit", value: { ...good, peak: 0.5 }, problem: "unit is above peak" },
    { name: "a rise", value: { ...good, maxDrawdown: 0.1 }, problem: "maxDrawdown is 0.1" },
    { name: "no day", value: { ...good, day: 20_261_123 }, problem: "day is 20261123" },
    { name: "no base", value: { ...good, dayBase: undefined }, problem: "dayBase is undefined" },
    { name: "no capital", value: { ...good, startCapital: 0 }, problem: "startCapital is 0" },
  ])("when it is nonsense: $name", async ({ value, problem }) => {
    const ledger = createMemoryLedger();
    await ledger.writeState(LIVE, { version: 1, value });
    const reading = { equity: 900, cash: 5, dailyPnl: -3 };
    const { figures, error } = await trackIn(ledger, LIVE, reading, { ...UTC, now: NOON });
    expect(figures).toEqual({ totalValue: 900, cash: 5, dailyPnl: -3 });
    expect(error).toBeInstanceOf(LedgerCorruptError);
    expect(error?.message).toContain(
      `the state portfolio live cannot be used: ${problem}. Nothing was overwritten. Restore the ledger from a backup; or move this item away`,
    );
    expect(await ledger.readState(LIVE)).toEqual({ version: 1, value });
  });

  test("when a newer closing-bell wrote it", async () => {
    const ledger = createMemoryLedger();
    await ledger.writeState(LIVE, { version: 1, value: { format: 2, high: 7 } });
    const { error } = await trackIn(ledger, LIVE, { equity: 900 }, { ...UTC, now: NOON });
    expect(error).toBeInstanceOf(LedgerFormatError);
    expect(error?.message).toBe(
      "the state portfolio live has format 2: a newer closing-bell wrote it; upgrade this one. Nothing was overwritten",
    );
    expect((await ledger.readState(LIVE))?.version).toBe(1);
  });
});

describe("value and cash are known, drawdowns are not", () => {
  const broken = new LedgerUnavailableError("the disk is gone");
  const refuse = () => Promise.reject(broken);
  const stores: readonly { name: string; store: StateStore }[] = [
    { name: "read", store: { ...createMemoryLedger(), readState: refuse } },
    { name: "written", store: { ...createMemoryLedger(), writeState: refuse } },
  ];

  test.each(stores)("when the store cannot be $name", async ({ store }) => {
    const reading = { equity: 900, cash: 5, lastCloseEquity: 1000, cashFlowToday: -20 };
    expect(await trackIn(store, LIVE, reading, { ...CAPITAL, now: NOON })).toEqual({
      figures: { totalValue: 900, cash: 5, dailyPnl: -80 },
      error: broken,
    });
  });

  test("when there is no store, and that is no error", async () => {
    expect(await trackIn(undefined, LIVE, { equity: 900 }, { ...CAPITAL, now: NOON })).toEqual({
      figures: { totalValue: 900 },
    });
  });

  test("when the time zone is none", async () => {
    const options = { now: NOON, timeZone: "Mars/Olympus" };
    const { figures, error } = await trackIn(createMemoryLedger(), LIVE, { equity: 900 }, options);
    expect(figures).toEqual({ totalValue: 900 });
    expect(error?.message).toContain("Mars/Olympus");
  });

  test("when others write the item without end", async () => {
    let tries = 0;
    const store: StateStore = {
      readState: async () => undefined,
      writeState: async () => {
        tries++;
        return "lost";
      },
    };
    const { figures, error } = await trackIn(store, LIVE, { equity: 900 }, { ...UTC, now: NOON });
    expect(figures).toEqual({ totalValue: 900 });
    expect(error?.message).toContain("too many reporters track one portfolio");
    expect(tries).toBe(20);
  });
});

test("what somebody else saved meanwhile is not overwritten", async () => {
  const ledger = createMemoryLedger();
  const read = await readTracking(ledger, LIVE);
  await trackIn(ledger, LIVE, { equity: 1000 }, { ...UTC, now: NOON });
  const stale = trackingAfter([{ equity: 1, at: NOON }]);
  expect(await saveTracking(ledger, LIVE, read, stale)).toBe("lost");
  expect((await readTracking(ledger, LIVE)).tracking?.equity).toBe(1000);
});

/** The files of the items in a state directory. */
function filesOf(directory: string): readonly string[] {
  const entries = readdirSync(join(directory, "state"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}
