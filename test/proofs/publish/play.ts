import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { systemClock } from "../../../src/clock.ts";
import { createFileLedger, type FileLedger } from "../../../src/ledger/file-ledger.ts";
import { foldGroup, readNewestSnapshot } from "../../../src/ledger/fold-round.ts";
import { snapshotFamilies } from "../../../src/ledger/snapshot-families.ts";
import { type Adoption, type AdoptOptions, adoptGroup } from "../../../src/publish/adopt.ts";
import { look } from "../../../src/publish/look.ts";
import type { GroupPublication } from "../../../src/publish/publish-group.ts";
import { createPublisher, type Publisher } from "../../../src/publish/publisher.ts";
import { expositionOf } from "../../../src/push/body.ts";
import { createPushClient, type PushClient } from "../../../src/push/client.ts";
import type { RunRecord } from "../../../src/record/run-record.ts";
import {
  counter,
  GROUP,
  gauge,
  runsTotal,
  sampleValue,
  success,
} from "../../support/run-records.ts";
import { type Scraper, startScraper } from "../../support/scraper.ts";
import type { RealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { COUNTER, falseValues, VERSION } from "./sightings.ts";

/** A counter with a label set per run, so that each is seen to count, or not, or twice. */
const PER_RUN = "runs_seen_total";

export type Tally = {
  readonly refused: number;
  readonly falls: number;
  /** Pairs of version and total that were scraped and that no ledger ever had. */
  readonly falseValues: number;
  readonly lost: number;
  readonly double: number;
  readonly scrapes: number;
};

/**
 * A gateway with its scraper, and the books of what should be on it: kept here, by run, from what was
 * recorded, published and adopted, and never read from a ledger.
 */
export type Play = {
  readonly client: PushClient;
  readonly scraper: Scraper;
  /** Makes a state directory that has nothing in it. */
  readonly directory: () => string;
  /** Records runs in a directory. They end now, unless told otherwise (Unix seconds). */
  readonly record: (directory: string, runs?: number, at?: number) => Promise<void>;
  /** Publishes the group from a directory, as a process would that has just started. */
  readonly publish: (directory: string, how?: "run" | "tick") => Promise<GroupPublication>;
  /** A publisher that lives on from one publish to the next. */
  readonly lasting: (directory: string) => { readonly publish: () => Promise<GroupPublication> };
  /** Puts what the ledger has onto the gateway, without looking, or what `read` gives. */
  readonly force: (directory: string) => Promise<void>;
  readonly adopt: (directory: string, pending?: AdoptOptions["pending"]) => Promise<Adoption>;
  /** Copies a state directory as backups do; the copy replaces what is there. */
  readonly copy: (from: string, to: string) => void;
  /** The gateway's total, counted run by run in the books. */
  readonly expected: () => number;
  /** What the gateway shows now. */
  readonly shown: () => Promise<{ readonly version?: number; readonly total?: number }>;
  /** Stops the scraper and compares the gateway with the books, run by run. */
  readonly end: () => Promise<Tally>;
};

export function ledgerIn(directory: string): FileLedger {
  return createFileLedger({ directory });
}

export function startPlay(gateway: Pick<RealPushgateway, "url">): Play {
  const client = createPushClient({ url: gateway.url });
  const names = [COUNTER, VERSION, PER_RUN];
  const scraper = startScraper({ url: new URL("/metrics", gateway.url), names });
  /** The runs that the gateway should count. */
  let counted: readonly string[] = [];
  /** By directory: runs that were recorded there and are not counted yet, with their ends. */
  const pending = new Map<string, readonly RunRecord[]>();
  /** By ledger id and version: the total that was published under it. */
  const totals = new Map<string, number>();
  let refused = 0;
  let recorded = 0;
  const pendingIn = (directory: string) => pending.get(directory) ?? [];

  function publisherOf(directory: string, own: PushClient): Publisher {
    return createPublisher({ ledger: ledgerIn(directory), client: own, scrapeIntervalSeconds: 0 });
  }

  async function keepBooks(directory: string, publication: GroupPublication) {
    if (publication.status === "refused") refused++;
    if (publication.status === "published") {
      counted = [...counted, ...pendingIn(directory).map(({ executionId }) => executionId)];
      pending.set(directory, []);
      const name = `${await ledgerIn(directory).ledgerId()} ${publication.version}`;
      if ((totals.get(name) ?? counted.length) !== counted.length) {
        throw new Error(`two totals were published as version ${name}`);
      }
      totals.set(name, counted.length);
    }
    return publication;
  }

  return {
    client,
    scraper,
    directory: stateDirectory,
    async record(directory, runs = 1, at = Date.now() / 1000) {
      for (let run = 0; run < runs; run++) {
        const id = `r${recorded++}`;
        const families = [runsTotal(), counter(PER_RUN, 1, { run: id })];
        const record = success(id, families, { completedAt: at });
        await ledgerIn(directory).append(record);
        pending.set(directory, [...pendingIn(directory), record]);
      }
    },
    async publish(directory, how = "run") {
      const own = createPushClient({ url: gateway.url });
      const publisher = publisherOf(directory, own);
      const [publication] =
        how === "run"
          ? [await publisher.publish(GROUP)]
          : await publisher.publishAll({ groups: [GROUP] });
      own.close();
      if (publication === undefined) throw new Error("a tick publishes the group it is given");
      return keepBooks(directory, publication);
    },
    lasting(directory) {
      const publisher = publisherOf(directory, client);
      return { publish: async () => keepBooks(directory, await publisher.publish(GROUP)) };
    },
    async force(directory) {
      const ledger = ledgerIn(directory);
      await foldGroup(ledger, GROUP);
      const snapshot = await readNewestSnapshot(ledger, GROUP);
      const version = gauge(VERSION, snapshot.version, { ledger_id: await ledger.ledgerId() });
      const families = [...snapshotFamilies(snapshot), version];
      await client.push(GROUP, expositionOf(GROUP, families), { attempts: 1 });
    },
    async adopt(directory, choice) {
      const { pushedAt } = await look(client, GROUP);
      const adoption = await adoptGroup(
        {
          ledger: ledgerIn(directory),
          client,
          clock: systemClock,
          ...(choice === undefined ? {} : { pending: choice }),
        },
        GROUP,
      );
      if (choice === "drop") {
        pending.set(
          directory,
          pendingIn(directory).filter(({ time }) => time > pushedAt),
        );
      }
      return adoption;
    },
    copy(from, to) {
      rmSync(to, { recursive: true, force: true });
      execFileSync("cp", ["-a", from, to]);
      pending.set(to, pendingIn(from));
    },
    expected: () => counted.length,
    async shown() {
      const { version, families } = await look(client, GROUP);
      const total = sampleValue(families, COUNTER, { outcome: "succeeded" });
      return {
        ...(version === undefined ? {} : { version: version.version }),
        ...(total === undefined ? {} : { total }),
      };
    },
    async end() {
      await scraper.next();
      const { scrapes, falls, sightings } = await scraper.stop();
      const ofGroup = sightings.filter(({ series }) => series.includes(`job="${GROUP.job}"`));
      const { families } = await look(client, GROUP);
      const shows = (run: string) => sampleValue(families, PER_RUN, { run }) ?? 0;
      const all = Array.from({ length: recorded }, (_, index) => `r${index}`);
      const should = new Set(counted);
      const total = sampleValue(families, COUNTER, { outcome: "succeeded" }) ?? 0;
      const perRun = all.reduce((sum, run) => sum + shows(run), 0);
      if (perRun !== total) throw new Error(`${perRun} runs are seen, and ${total} counted`);
      client.close();
      return {
        refused,
        falls: falls.filter(({ series }) => !series.startsWith(VERSION)).length,
        falseValues: falseValues(ofGroup, totals),
        lost: counted.filter((run) => shows(run) === 0).length,
        double: all.reduce(
          (sum, run) => sum + Math.max(0, shows(run) - (should.has(run) ? 1 : 0)),
          0,
        ),
        scrapes,
      };
    },
  };
}
