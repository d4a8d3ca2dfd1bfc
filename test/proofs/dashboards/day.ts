import { setAiPrices } from "../../../src/ai.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import { renderFamilies } from "../../../src/metrics/exposition/render.ts";
import type { JobMetrics } from "../../../src/metrics/job-metrics.ts";
import { createMetricSet } from "../../../src/metrics/metric-set.ts";
import type { Delivery } from "../../../src/publish/delivery.ts";
import { createDirectPush } from "../../../src/publish/direct-push.ts";
import { createLedgerDelivery } from "../../../src/publish/ledger-delivery.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import type { ReporterSources } from "../../../src/reporter/readings.ts";
import { createReporter } from "../../../src/reporter/report.ts";
import { createRunJob } from "../../../src/run/run-job.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { createMemoryLedger } from "../../support/memory-ledger.ts";
import { type Change, startCountedGateway } from "./counted-gateway.ts";
import { perform } from "./perform.ts";
import {
  APP_STARTED_AT,
  type DayKind,
  type Plan,
  planOf,
  ROGUE,
  type Source,
  TRACKING,
} from "./plan.ts";
import { createScrapeLog, type Target } from "./scrape-log.ts";
import {
  BEGIN,
  END,
  LOOK_OFFSET,
  LOOK_SECONDS,
  MINUTE,
  SCRAPE_OFFSET,
  SCRAPE_SECONDS,
} from "./times.ts";
import { PRICES, type Run } from "./work.ts";

export type Day = {
  readonly kind: DayKind;
  /** What happened, to be added up. */
  readonly plan: Plan;
  /** What was pushed to the gateway and deleted there. */
  readonly changes: readonly Change[];
  /** When targets were scraped. */
  readonly scrapes: readonly number[];
  /** When the reporter looked, and whether the gateway took what it pushed. */
  readonly looks: readonly { readonly at: number; readonly isDelivered: boolean }[];
};

const GATEWAY: Target = { job: "pushgateway", instance: "pushgateway:9091" };
const SYSTEM: Target = {
  job: "ai-trading-system",
  instance: "host.docker.internal:8001",
  mode: "live",
};

const GOES_ON = new AbortController().signal;

/**
 * Lets a day pass: its jobs, its trading system and the reporter run through library, ledger, publisher
 * and embedded gateway, and what a scrape of each minute shows goes into a file of OpenMetrics. The
 * file can be made into blocks for a Prometheus (`openDay`).
 */
export async function playDay(kind: DayKind, file: string): Promise<Day> {
  const plan = planOf(kind);
  setAiPrices(PRICES);
  const first = plan.runs[0]?.startsAt ?? BEGIN;
  const clock = manualClock(first - MINUTE);
  const gateway = await startCountedGateway(clock);
  const client = createPushClient({ url: gateway.url });
  const ledger = createMemoryLedger();
  const publisher = createPublisher({
    ledger,
    client,
    clock,
    scrapeIntervalSeconds: SCRAPE_SECONDS,
  });
  const fail = (line: string): never => {
    throw new Error(`a record did not reach the ledger: ${line}`);
  };

  /** What goes on while the clock stands. */
  const underWay = new Set<Promise<unknown>>();
  const watched = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work)).catch(() => {});
    return work;
  };
  const delivery = createLedgerDelivery({
    ledger,
    log: fail,
    publish: (group, signal) => watched(publisher.publish(group, { signal })),
  });
  const watchedDelivery: Delivery = (report, signal) => watched(delivery(report, signal));
  const jobs = createRunJob({ delivery: watchedDelivery, clock, reportingTimeoutMs: 60_000 });
  const reporter = createReporter({
    figures: {
      mode: "live",
      sources: sourcesOf(plan, clock.now),
      tracking: TRACKING,
      push: createDirectPush({ client, ledger }),
    },
    gateway: client.gateway,
    counting: {
      ledger,
      publisher,
      runs: createRunJob({ delivery: createLedgerDelivery({ ledger, log: fail }), clock }),
    },
    clock,
  });

  const log = createScrapeLog();
  const system = createMetricSet();
  const scrapes: number[] = [];
  const looks: Day["looks"][number][] = [];

  async function scrape(at: number): Promise<void> {
    const isUp = plan.isGatewayUpAt(at);
    log.sample("up", GATEWAY, isUp ? 1 : 0, at);
    log.sample("up", SYSTEM, 1, at);
    if (isUp) log.add(await gateway.scrape(), GATEWAY, at);
    log.add(renderFamilies(system.families()).toString(), SYSTEM, at);
    scrapes.push(at);
  }

  async function look(): Promise<void> {
    const { push } = await reporter.look(GOES_ON);
    looks.push({ at: clock.now(), isDelivered: push.status === "delivered" });
  }

  const events: { readonly at: number; readonly act: () => Promise<void> | void }[] = [];
  const on = (at: number, act: () => Promise<void> | void) => events.push({ at, act });

  for (const run of plan.runs) {
    let end: () => void = () => {};
    let settled: Promise<unknown> = Promise.resolve();
    on(run.startsAt, async () => {
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      settled = start(run, ended);
      await quiet(underWay);
    });
    on(run.endsAt, async () => {
      end();
      await settled;
    });
  }

  async function start({ job, labels, outcome, work }: Run, ended: Promise<void>): Promise<void> {
    const { delivery: told } = await jobs.settleJob(
      { job, groupingKey: labels, announceStart: true },
      async ({ metrics }) => {
        await ended;
        perform(work);
        if (job === "backtest") backtestFigures(metrics);
        if (outcome === "failed") throw new Error("the model's answer made no sense");
      },
    );
    if (told.status !== "recorded") throw new Error(`${job} was not recorded: ${told.status}`);
  }

  for (const { at, work } of plan.moments) on(at, () => withMetricSet(system, () => perform(work)));
  for (const at of lookTimes(plan)) on(at, look);
  if (kind === "bad") {
    on(ROGUE.from, () =>
      send(gateway.url, "PUT", "# TYPE kill_switch_status counter\nkill_switch_status 1\n"),
    );
    on(ROGUE.to, () => send(gateway.url, "DELETE"));
  }
  for (let at = BEGIN + SCRAPE_OFFSET; at < END; at += SCRAPE_SECONDS) on(at, () => scrape(at));

  for (const { at, act } of events.sort((a, b) => a.at - b.at)) {
    clock.advance(Math.max(0, at - clock.now()));
    await act();
  }
  client.close();
  await gateway.close();
  await log.write(file);
  return { kind, plan, changes: gateway.changes, scrapes, looks };
}

/** All through the day; before it, so that what is new has been shown as 0 and then with its value. */
function lookTimes({ runs, isLookingAt }: Plan): readonly number[] {
  const times = new Set<number>();
  const each = (from: number, to: number) => {
    for (let at = from; at < to; at += LOOK_SECONDS) if (isLookingAt(at)) times.add(at);
  };
  for (const { endsAt } of runs)
    if (endsAt < BEGIN) each(endsAt, Math.min(endsAt + 6 * MINUTE, BEGIN));
  each(BEGIN + LOOK_OFFSET - 10 * MINUTE, END);
  return [...times].sort((a, b) => a - b);
}

/** What somebody else does to the gateway. */
async function send(gateway: URL, method: string, body?: string): Promise<void> {
  const { ok } = await fetch(new URL("/metrics/job/rogue", gateway), {
    method,
    ...(body === undefined ? {} : { body }),
  });
  if (!ok) throw new Error(`the gateway refused the ${method} of the rogue`);
}

/** Until nothing is sent any more: a start is published while its run goes on. */
async function quiet(underWay: ReadonlySet<Promise<unknown>>): Promise<void> {
  for (let rounds = 0; rounds < 3; rounds++) {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.allSettled(underWay);
  }
}

/** As a backtest ends: what its account would be. */
function backtestFigures({
  portfolioTotalValue,
  totalReturnPct,
  maxDrawdownPct,
}: JobMetrics): void {
  portfolioTotalValue.set(131_072);
  totalReturnPct.set(31.072);
  maxDrawdownPct.set(-17.5);
}

function sourcesOf({ accountAt, isHaltedAt, isUpAt }: Plan, now: () => number): ReporterSources {
  function source<T>(name: Source, value: () => T) {
    return {
      name,
      async read() {
        if (!isUpAt(name, now())) throw new Error("no answer");
        return value();
      },
    };
  }
  return {
    portfolio: source("portfolio", () => accountAt(now())),
    timescale: source("timescale", () => true as const),
    redis: source("redis", () => true as const),
    killSwitch: source("kill_switch", () => isHaltedAt(now())),
    appStart: source("app_start", () => APP_STARTED_AT),
  };
}
