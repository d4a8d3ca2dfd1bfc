import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createDirectPush } from "../../src/publish/direct-push.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import type { ReporterSources } from "../../src/reporter/readings.ts";
import { createReporter, type FiguresOptions, type Reporter } from "../../src/reporter/report.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { scrapeJob } from "../cli/scraped.ts";
import { clientOf, startWatchedGateway, type WatchedGateway } from "../publish/publishing.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { NIGHT } from "../support/run-records.ts";

export const GOES_ON = new AbortController().signal;

export type ReporterBench = {
  readonly gateway: WatchedGateway;
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly reporter: Reporter;
  /** Lines that were logged: records that the ledger did not take. */
  readonly logged: readonly string[];
};

export type ReporterBenchOptions = Partial<
  Pick<FiguresOptions, "mode" | "tracking" | "currency">
> & {
  readonly sources?: ReporterSources;
  readonly gateway?: WatchedGateway;
  readonly clock?: ManualClock;
  readonly ledger?: Ledger;
  readonly timeoutMs?: number;
  readonly isCounting?: boolean;
};

/** A reporter over a ledger, to an embedded gateway; its clock stands still. */
export async function startReporter({
  sources = {},
  clock = manualClock(NIGHT),
  ledger = createMemoryLedger(),
  gateway: given,
  mode = "live",
  tracking = { timeZone: "UTC" },
  timeoutMs = 5000,
  isCounting = true,
  ...others
}: ReporterBenchOptions = {}): Promise<ReporterBench> {
  const gateway = given ?? (await startWatchedGateway(clock));
  const client = clientOf(gateway.url, { timeoutMs });
  const logged: string[] = [];
  const delivery = createLedgerDelivery({
    ledger,
    log: (line) => logged.push(line),
    retryDelayMs: 1,
  });
  const publisher = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
  const counting = { ledger, publisher, runs: createRunJob({ delivery, clock }) };
  const reporter = createReporter({
    figures: {
      ...others,
      mode,
      sources,
      tracking,
      push: createDirectPush({ client, ...(isCounting ? { ledger } : {}) }),
    },
    gateway: client.gateway,
    ...(isCounting ? { counting } : {}),
    clock,
  });
  return { gateway, clock, ledger, reporter, logged };
}

export function fileLedger(directory: string, clock: ManualClock): Ledger {
  return createFileLedger({ directory, clock });
}

/** A ledger whose every method rejects. */
export function brokenLedger(): Ledger {
  return ledgerThat(async () => {
    throw new Error("the disk is on fire");
  });
}

/** A ledger whose methods never answer. */
export function hangingLedger(): Ledger {
  return ledgerThat(() => new Promise(() => {}));
}

function ledgerThat(down: () => Promise<never>): Ledger {
  return {
    ...createMemoryLedger(),
    ledgerId: down,
    groups: down,
    append: down,
    readPending: down,
    deletePending: down,
    done: down,
    putDone: down,
    readSnapshot: down,
    writeSnapshot: down,
    prune: down,
    readState: down,
    writeState: down,
    readPublishState: down,
    lease: down,
    // biome-ignore lint/correctness/useYield: it never comes to the first
    async *pending() {
      await down();
    },
  };
}

/** What the gateway shows of the figures' group, without its own times of pushes. */
export async function shown(
  { gateway }: Pick<ReporterBench, "gateway">,
  group: Readonly<Record<string, string>> & { readonly job: string } = {
    job: "portfolio_reporter",
    mode: "live",
  },
): Promise<Readonly<Record<string, number>>> {
  const values = await scrapeJob(gateway.url, group);
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !/^push_|_read_seconds/.test(name)),
  );
}

export function up(source: string): string {
  return `closing_bell_source_up{source="${source}"}`;
}
