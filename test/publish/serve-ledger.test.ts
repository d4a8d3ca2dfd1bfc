import { describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { foldGroup, readNewestSnapshot, removeTotals } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { LabelSet } from "../../src/metrics/exposition/family.ts";
import { births } from "../../src/publish/births.ts";
import { NOTHING_PUBLISHED, withPublishState } from "../../src/publish/publish-state.ts";
import { createLedgerReader, type LedgerReading } from "../../src/publish/serve-ledger.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  NIGHT,
  sampleValue,
  success,
} from "../support/run-records.ts";

const OTHER = groupingKey("other");

describe("a new series is 0 in the first scrape that is sent, and shows its value from the next on", () => {
  test("a counter, beside gauges that are shown at once", async () => {
    const { ledger, scrape } = bench();
    await ledger.append(success("a", [counter("rows_total", 7), gauge("portfolio_cash", 5)]));
    const first = await scrape("p1");
    expect(valueIn(first, "rows_total")).toBe(0);
    expect(valueIn(first, "portfolio_cash")).toBe(5);
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
    await ledger.append(success("b", [counter("rows_total", 2)]));
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(9);
  });

  test("a histogram, as a whole", async () => {
    const { ledger, scrape } = bench();
    await ledger.append(success("a", [histogram("latency", [0.5, 1.5])]));
    const seen = [await scrape("p1"), await scrape("p1")].map(({ groups }) =>
      groups[0]?.families.find(({ name }) => name === "latency"),
    );
    expect(seen[0]?.samples).toMatchObject([{ count: 0, sum: 0 }]);
    expect(seen[1]?.samples).toMatchObject([{ count: 2, sum: 2 }]);
  });

  test("one that comes later as well", async () => {
    const { ledger, scrape } = bench();
    await ledger.append(success("a", [counter("rows_total", 1, { table: "x" })]));
    for (let times = 0; times < 2; times++) await scrape("p1");
    await ledger.append(success("b", [counter("rows_total", 4, { table: "y" })]));
    expect(valueIn(await scrape("p1"), "rows_total", { table: "y" })).toBe(0);
    expect(valueIn(await scrape("p1"), "rows_total", { table: "y" })).toBe(4);
  });

  test("not when the scrape was not sent, nor when somebody only looked", async () => {
    const { ledger, read, scrape } = bench();
    await ledger.append(success("a", [counter("rows_total", 7)]));
    for (let times = 0; times < 3; times++) {
      expect(valueIn(await read("p1"), "rows_total")).toBe(0);
      expect(valueIn(await scrape(undefined), "rows_total")).toBe(0);
    }
    await scrape("p1");
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
  });
});

describe("two scrapers", () => {
  test("each have had the 0 before either gets the value", async () => {
    const { ledger, scrape } = bench();
    await scrape("p1");
    await scrape("p2");
    await ledger.append(success("a", [counter("rows_total", 7)]));
    const seen: unknown[] = [];
    for (const scraper of ["p1", "p1", "p1", "p2", "p1", "p2"]) {
      seen.push(valueIn(await scrape(scraper), "rows_total"));
    }
    expect(seen).toEqual([0, 0, 0, 0, 7, 7]);
  });

  test("one that was not seen for ten minutes is not waited for", async () => {
    const { ledger, clock, scrape } = bench();
    await scrape("p1");
    await scrape("p2");
    clock.advance(300);
    await ledger.append(success("a", [counter("rows_total", 7)]));
    for (let minute = 0; minute < 4; minute++) {
      expect(valueIn(await scrape("p1"), "rows_total")).toBe(0);
      clock.advance(60);
    }
    clock.advance(120);
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
  });

  test("nor takes the value back when it comes again, whatever the clock said meanwhile", async () => {
    const { ledger, clock, scrape } = bench();
    await scrape("p1");
    await scrape("p2");
    await ledger.append(success("a", [counter("rows_total", 7)]));
    clock.advance(700);
    await scrape("p1");
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
    clock.advance(-700);
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
    expect(valueIn(await scrape("p2"), "rows_total")).toBe(7);
  });

  test("nor for years after a clock that was ahead is set back", async () => {
    const { ledger, clock, scrape } = bench();
    await scrape("p1");
    clock.advance(3e8);
    await scrape("p2");
    clock.advance(-3e8);
    await ledger.append(success("a", [counter("rows_total", 7)]));
    for (let minute = 0; minute < 12; minute++) {
      await scrape("p1");
      clock.advance(60);
    }
    expect(valueIn(await scrape("p1"), "rows_total")).toBe(7);
  });

  test("may ask different servers", async () => {
    const { ledger, server } = bench();
    const [a, b] = [server(), server()];
    await a("p1");
    await b("p2");
    await ledger.append(success("a", [counter("rows_total", 7)]));
    expect(valueIn(await a("p1"), "rows_total")).toBe(0);
    expect(valueIn(await a("p1"), "rows_total")).toBe(0);
    expect(valueIn(await b("p2"), "rows_total")).toBe(0);
    expect(valueIn(await b("p2"), "rows_total")).toBe(7);
    expect(valueIn(await a("p1"), "rows_total")).toBe(7);
  });
});

describe("a server that is started again", () => {
  test("shows what was shown, and goes on with what was at 0", async () => {
    const { ledger, server } = bench();
    await ledger.append(success("a", [counter("rows_total", 7)]));
    const first = server();
    for (let times = 0; times < 2; times++) await first("p1");
    await ledger.append(success("b", [counter("trades_total", 3)]));
    await first("p1");

    const reading = await server()("p1");
    expect(valueIn(reading, "rows_total")).toBe(7);
    expect(valueIn(reading, "trades_total")).toBe(3);
  });

  test("waits for a scraper that asked the one before", async () => {
    const { ledger, server } = bench();
    const first = server();
    await first("p1");
    await first("p2");
    const second = server();
    await ledger.append(success("a", [counter("rows_total", 7)]));
    for (let times = 0; times < 3; times++) {
      expect(valueIn(await second("p1"), "rows_total")).toBe(0);
    }
    await second("p2");
    expect(valueIn(await second("p1"), "rows_total")).toBe(7);
  });
});

test("what a gateway showed with its value is shown at once, and what it held begins at 0", async () => {
  const { ledger, clock, scrape } = bench();
  const shown = [counter("rows_total", 7)];
  await ledger.append(success("a", shown));
  await foldGroup(ledger, GROUP);
  const { state } = births(shown, NOTHING_PUBLISHED, { now: clock.now(), holdSeconds: 0 });
  const taken = await ledger.lease(GROUP);
  if (taken.status === "held") throw new Error("a new ledger is nobody's");
  await taken.lease.writeState(withPublishState(undefined, "http://gateway", state));
  await taken.lease.release();
  await ledger.append(success("b", [counter("trades_total", 3)]));

  const first = await scrape("p1");
  expect(valueIn(first, "rows_total")).toBe(7);
  expect(valueIn(first, "trades_total")).toBe(0);
  expect(valueIn(await scrape("p1"), "trades_total")).toBe(3);
});

test("a group that was removed is gone, and begins at 0 again", async () => {
  const { ledger, scrape } = bench();
  await ledger.append(success("a", [counter("rows_total", 7)]));
  for (let times = 0; times < 2; times++) await scrape("p1");
  await removeTotals(ledger, await readNewestSnapshot(ledger, GROUP));
  expect((await scrape("p1")).groups).toEqual([]);
  await ledger.append(success("b", [counter("rows_total", 9)]));
  expect(valueIn(await scrape("p1"), "rows_total")).toBe(0);
  expect(valueIn(await scrape("p1"), "rows_total")).toBe(9);
});

describe("a group that", () => {
  test("cannot be folded is served at its last totals, others with their newest", async () => {
    const memory = createMemoryLedger();
    let isFull = false;
    const { scrape } = bench({
      ...memory,
      async writeSnapshot(group, snapshot) {
        if (isFull && group.job === GROUP.job) throw new Error("disk full");
        return memory.writeSnapshot(group, snapshot);
      },
    });
    for (const groupingKey of [GROUP, OTHER]) {
      await memory.append(success("a", [counter("rows_total", 7)], { groupingKey }));
    }
    for (let times = 0; times < 2; times++) await scrape("p1");
    isFull = true;
    for (const groupingKey of [GROUP, OTHER]) {
      await memory.append(success("b", [counter("rows_total", 1)], { groupingKey }));
    }
    const reading = await scrape("p1");
    expect(reading.groups.map(({ labels }) => labels["job"])).toEqual([GROUP.job, "other"]);
    expect(reading.groups.map((_, index) => valueIn(reading, "rows_total", {}, index))).toEqual([
      7, 8,
    ]);
    expect(reading.lacks).toMatchObject([
      {
        reason: "fold",
        message: '{job="nightly",mode="backtest"}: served without the newest runs: disk full',
      },
    ]);
  });

  test("cannot be folded in time is, too", async () => {
    const memory = createMemoryLedger();
    let isHanging = false;
    const { scrape } = bench({
      ...memory,
      done: (group, ids) => (isHanging ? new Promise(() => {}) : memory.done(group, ids)),
    });
    await memory.append(success("a", [counter("rows_total", 7)]));
    for (let times = 0; times < 2; times++) await scrape("p1");
    isHanging = true;
    await memory.append(success("b", [counter("rows_total", 1)]));
    const started = performance.now();
    const reading = await scrape("p1", 200);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(valueIn(reading, "rows_total")).toBe(7);
    expect(reading.lacks).toMatchObject([{ reason: "fold" }]);
  });

  test.each<{ name: string; broken: Partial<Ledger> }>([
    { name: "cannot be read", broken: { readSnapshot: () => Promise.reject(new Error("torn")) } },
    {
      name: "cannot be decoded",
      broken: { readSnapshot: async () => ({ version: 9, bytes: Buffer.from("x") }) },
    },
    { name: "cannot be read in time", broken: { readSnapshot: () => new Promise(() => {}) } },
  ])("$name is left out, and others are served", async ({ broken }) => {
    const memory = createMemoryLedger();
    const { scrape } = bench({
      ...memory,
      readSnapshot: (group) =>
        group.job === GROUP.job
          ? (broken.readSnapshot ?? memory.readSnapshot)(group)
          : memory.readSnapshot(group),
    });
    for (const groupingKey of [GROUP, OTHER]) {
      await memory.append(success("a", [counter("rows_total", 7)], { groupingKey }));
    }
    const { groups, lacks } = await scrape("p1", 200);
    expect(groups.map(({ labels }) => labels)).toEqual([{ job: "other" }]);
    expect(lacks.map(({ reason }) => reason)).toContain("read");
  });
});

test("a value that cannot be noted stays at 0, and what was shown stays shown", async () => {
  const memory = createMemoryLedger();
  let isFull = false;
  const { scrape } = bench({
    ...memory,
    async writeState(name, item) {
      if (isFull) throw new Error("disk full");
      return memory.writeState(name, item);
    },
  });
  await memory.append(success("a", [counter("rows_total", 7)]));
  for (let times = 0; times < 2; times++) await scrape("p1");
  await memory.append(success("b", [counter("trades_total", 3)]));
  await scrape("p1");
  isFull = true;
  for (let times = 0; times < 3; times++) {
    const reading = await scrape("p1");
    expect(valueIn(reading, "rows_total")).toBe(7);
    expect(valueIn(reading, "trades_total")).toBe(0);
    expect(reading.lacks).toMatchObject([{ reason: "note" }]);
  }
  isFull = false;
  expect(valueIn(await scrape("p1"), "trades_total")).toBe(3);
});

test("what was sent and cannot be noted is told, and sent as 0 again", async () => {
  const memory = createMemoryLedger();
  let isFull = true;
  const { read } = bench({
    ...memory,
    async writeState(name, item) {
      if (isFull) throw new Error("disk full");
      return memory.writeState(name, item);
    },
  });
  await memory.append(success("a", [counter("rows_total", 7)]));
  const first = await read("p1");
  expect((await first.sent()).map(({ reason }) => reason)).toEqual(["note", "note"]);
  isFull = false;
  const second = await read("p1");
  expect(valueIn(second, "rows_total")).toBe(0);
  await second.sent();
  expect(valueIn(await read("p1"), "rows_total")).toBe(7);
});

test("who asks again at once has had what is still being noted", async () => {
  const memory = createMemoryLedger();
  const { read } = bench({
    ...memory,
    async writeState(name, item) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return memory.writeState(name, item);
    },
  });
  await memory.append(success("a", [counter("rows_total", 7)]));
  const noting = (await read("p1")).sent();
  expect(valueIn(await read("p1"), "rows_total")).toBe(7);
  await noting;
});

test("groups come in an order that does not change", async () => {
  const { ledger, scrape } = bench();
  const jobs = ["c", "a", "b"];
  for (const job of jobs) {
    await ledger.append(success("a", undefined, { groupingKey: groupingKey(job) }));
  }
  const { groups } = await scrape("p1");
  expect(groups.map(({ labels }) => labels["job"])).toEqual(["a", "b", "c"]);
});

/** Servers of one ledger. */
function bench(ledger: Ledger = createMemoryLedger(), clock: ManualClock = manualClock(NIGHT)) {
  const server = () => {
    const read = createLedgerReader({ ledger, clock });
    return async (scraper: string | undefined, timeoutMs = 10_000) => {
      const reading = await read({ scraper, timeoutMs });
      await reading.sent();
      return reading;
    };
  };
  const only = createLedgerReader({ ledger, clock });
  return {
    ledger,
    clock,
    server,
    /** A scrape that is sent. */
    scrape: server(),
    /** One that is not, unless the caller says so. */
    read: (scraper: string) => only({ scraper, timeoutMs: 10_000 }),
  };
}

function valueIn(
  { groups }: LedgerReading,
  name: string,
  labels: LabelSet = {},
  index = 0,
): number | undefined {
  return sampleValue(groups[index]?.families ?? [], name, labels);
}
