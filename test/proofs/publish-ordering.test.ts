import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "@jest/globals";
import { type Barrier, barrier as realBarrier } from "../../src/publish/barrier.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { expositionOf } from "../../src/push/body.ts";
import { createPushClient, type PushClient } from "../../src/push/client.ts";
import { type ProxiedRequest, startFaultProxy } from "../support/fault-proxy.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { printTable } from "../support/print-table.ts";
import { GROUP, runsTotal, success } from "../support/run-records.ts";
import { startScraper } from "../support/scraper.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";

/** Gateways that stall at the same time, each on its own, per path. */
const LANES = 2;

/** Stalls per path. */
const STALLS = 100;

/** Deadline of one request: a stall outlives it. Milliseconds. */
const TIMEOUT_MS = 60;

/** After which the proxy answers in the gateway's place. Milliseconds. */
const PROXY_TIMEOUT_MS = 30;

/** How long a gateway stays stopped after its push was given up, in turn. Milliseconds. */
const STOPPED_MS = [0, 5, 20, 50];

/** How long a push is on its way behind the proxy, in turn. Milliseconds. */
const ON_ITS_WAY_MS = [100, 0, 150, 50];

/** Tries after which newer totals count as stuck: many, for a machine that stands still at times. */
const MAX_TRIES = 100;

const COUNTER = "batch_job_runs_total";

const PATHS = ["straight", "proxy answering 504"] as const;

type Path = (typeof PATHS)[number];

/** Advances of several publishers of one total. */
type Totals = (clients: readonly PushClient[]) => readonly Advance[];

/** Adds one to the total, and tries once to get it confirmed by the gateway. */
type Advance = (signal: AbortSignal) => Promise<Advanced>;

type Advanced = { readonly total: number; readonly isConfirmed: boolean };

type Tally = {
  /** Pushes that a stopped gateway left without an answer. */
  readonly stalls: number;
  /** Of those, the ones whose total was scraped after they had been given up. */
  readonly appliedLate: number;
  /** Of those, the ones whose total stood there after a newer one had been confirmed. */
  readonly oldWon: number;
  readonly falls: number;
  readonly scrapes: number;
};

const rows: string[][] = [];

afterAll(() => {
  printTable(
    "The gateway is stopped during a push, the next total follows; scraped every 5 ms",
    ["who", "path", "stalls", "applied late", "old total won", "falls", "scrapes", "seconds"],
    rows,
  );
});

describeWithServer("pushgateway")("a gateway that stalls", () => {
  test("makes no scraped counter fall", async () => {
    const tallies = await Promise.all(
      PATHS.map((path) => tallyOf("publisher", path, ledgerTotals(realBarrier))),
    );
    for (const tally of tallies) {
      expect(tally).toMatchObject({ stalls: STALLS, falls: 0, oldWon: 0 });
      // Else nothing was at stake.
      expect(tally.appliedLate).toBeGreaterThan(STALLS / 2);
    }
  }, 300_000);

  test("makes one fall when the barrier is taken away", async () => {
    const without = ledgerTotals(async () => {});
    // Straight, what was sent is carried out by the time the gateway can be looked at: no fall there.
    const [, behindProxy] = await Promise.all(
      PATHS.map((path) => tallyOf("the same, no barrier", path, without)),
    );
    expect(behindProxy?.falls).toBeGreaterThan(0);
    expect(behindProxy?.oldWon).toBeGreaterThan(0);
  }, 300_000);

  test("makes one fall for a client that pushes its newer total at once", async () => {
    const { falls, oldWon } = await tallyOf("push client", "straight", ownTotals);
    expect(falls).toBeGreaterThan(0);
    expect(oldWon).toBeGreaterThan(0);
  }, 300_000);
});

/**
 * Totals of a ledger, which two publishers share. One in memory: the time that another one takes
 * between look and push would do a part of the barrier's work, on a slow machine all of it.
 */
function ledgerTotals(barrier: Barrier): Totals {
  return (clients) => {
    const ledger = createMemoryLedger();
    let total = 0;
    return clients.map((client): Advance => {
      const publisher = createPublisher({ ledger, client, barrier, scrapeIntervalSeconds: 0 });
      return async (signal) => {
        total++;
        await ledger.append(success(`run-${total}`));
        const { status } = await publisher.publish(GROUP, { signal });
        return { total, isConfirmed: status === "published" };
      };
    });
  };
}

/** Totals that this process keeps, pushed as they are. */
function ownTotals(clients: readonly PushClient[]): readonly Advance[] {
  let total = 0;
  return clients.map(
    (client): Advance =>
      async (signal) => {
        total++;
        const body = expositionOf(GROUP, [runsTotal(total)]);
        const pushed = { total };
        return client.push(GROUP, body, { signal, attempts: 1 }).then(
          () => ({ ...pushed, isConfirmed: true }),
          () => ({ ...pushed, isConfirmed: false }),
        );
      },
  );
}

async function tallyOf(who: string, path: Path, totals: Totals): Promise<Tally> {
  const started = performance.now();
  const lanes = await Promise.all(
    Array.from({ length: LANES }, () => stallRepeatedly(path, totals)),
  );
  const sum = (figure: keyof Tally) => lanes.reduce((all, lane) => all + lane[figure], 0);
  const seconds = (performance.now() - started) / 1000;
  const tally = {
    stalls: sum("stalls"),
    appliedLate: sum("appliedLate"),
    oldWon: sum("oldWon"),
    falls: sum("falls"),
    scrapes: sum("scrapes"),
  };
  rows.push([who, path, ...Object.values(tally).map(String), seconds.toFixed(1)]);
  return tally;
}

async function stallRepeatedly(path: Path, totals: Totals): Promise<Tally> {
  const lane = await startLane(path);
  try {
    const tally = await stallIn(lane, totals(lane.clients));
    const { falls, scrapes } = await lane.scraper.stop();
    return { ...tally, falls: falls.length, scrapes };
  } finally {
    await lane.close();
  }
}

async function stallIn(
  { scraper: { log }, stallNext }: Lane,
  advances: readonly Advance[],
): Promise<Pick<Tally, "stalls" | "appliedLate" | "oldWon">> {
  const tally = { stalls: 0, appliedLate: 0, oldWon: 0 };
  await confirm(advances[0]);
  for (let trial = 0; tally.stalls < STALLS / LANES; trial++) {
    if (trial === MAX_TRIES * STALLS) throw new Error("no push meets a stopped gateway");
    const [advance, successor] = trial % 2 === 0 ? advances : advances.toReversed();
    const stall = stallNext(trial);
    const old = await advance?.(stall.gaveUp);
    const givenUpAt = stall.givenUpAt();
    const newer = await confirm(successor);
    await stall.isOver();
    // It never came to the push, or that was answered before the signal had stopped the gateway.
    if (old === undefined || old.isConfirmed || givenUpAt === undefined) continue;

    tally.stalls++;
    if (log.sightings.some(({ value, at }) => value === old.total && at > givenUpAt)) {
      tally.appliedLate++;
    }
    const [shown = Number.NaN] = log.last.values();
    if (shown < newer.total) tally.oldWon++;
  }
  return tally;
}

/** Goes on until a total is confirmed, each try with a newer one. */
async function confirm(advance: Advance | undefined): Promise<Advanced> {
  const never = new AbortController().signal;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const advanced = await advance?.(never);
    if (advanced?.isConfirmed) return advanced;
  }
  throw new Error(`nothing was confirmed in ${MAX_TRIES} tries`);
}

type Lane = Awaited<ReturnType<typeof startLane>>;

/** A gateway with its scraper, and two clients of it whose next push can be made to meet a stall. */
async function startLane(path: Path) {
  const gateway = await startRealPushgateway();
  const scraper = startScraper({
    url: new URL("/metrics", gateway.url),
    names: [COUNTER],
  });
  let next: Stall | undefined;
  const proxy = await startFaultProxy(gateway.url, ({ method }) => {
    const forwardMs = method === "PUT" ? next?.onItsWayMs : undefined;
    return { type: "gateway-timeout", afterMs: PROXY_TIMEOUT_MS, forwardMs: forwardMs ?? 0 };
  });
  const url = path === "straight" ? gateway.url : proxy.url;

  function startClient(): PushClient {
    const client = createPushClient({ url, timeoutMs: TIMEOUT_MS });
    async function push(...call: Parameters<PushClient["push"]>) {
      const stall = next;
      if (stall === undefined) return client.push(...call);
      gateway.kill("SIGSTOP");
      try {
        return await client.push(...call);
      } finally {
        next = undefined;
        stall.giveUp();
        stall.continued = sleep(stall.stoppedMs).then(() => gateway.kill("SIGCONT"));
      }
    }
    return { ...client, push };
  }

  const clients = [startClient(), startClient()];
  return {
    scraper,
    clients,
    stallNext(trial: number) {
      const abort = new AbortController();
      let givenUpAt: number | undefined;
      const shift = Math.floor(trial / STOPPED_MS.length);
      const stall: Stall = {
        stoppedMs: STOPPED_MS[trial % STOPPED_MS.length] ?? 0,
        onItsWayMs: ON_ITS_WAY_MS[(trial + shift) % ON_ITS_WAY_MS.length] ?? 0,
        continued: undefined,
        giveUp() {
          givenUpAt = performance.now();
          abort.abort();
        },
      };
      next = stall;
      return {
        gaveUp: abort.signal,
        /** Undefined when no push met the stall; then none will any more. */
        givenUpAt() {
          next = undefined;
          return givenUpAt;
        },
        /** Resolves when everything that was under way has arrived and was scraped. */
        async isOver() {
          await stall.continued;
          for (let waits = 0; proxy.requests.some(isOutstanding); waits++) {
            if (waits > 2000) throw new Error("a request never came back to the proxy");
            await sleep(5);
          }
          await sleep(10);
          await scraper.next();
        },
      };
    },
    async close() {
      await scraper.stop();
      for (const client of clients) client.close();
      await proxy.close();
      await gateway.stop();
    },
  };
}

type Stall = {
  readonly stoppedMs: number;
  readonly onItsWayMs: number;
  readonly giveUp: () => void;
  /** Resolves when the gateway goes on. */
  continued: Promise<void> | undefined;
};

function isOutstanding({ upstreamStatus }: ProxiedRequest): boolean {
  return upstreamStatus === undefined;
}
