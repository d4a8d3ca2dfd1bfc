import type { IncomingMessage } from "node:http";
import { ledgerCatalogue } from "../ledger/own-families.ts";
import { renderFamilies } from "../metrics/exposition/render.ts";
import { createMetricSet } from "../metrics/metric-set.ts";
import { type MetricsHandler, respond } from "./handler.ts";
import { listenForScrapes } from "./listen.ts";
import { mergeGroups, type ServedGroup } from "./merge-groups.ts";
import type { MetricsServer } from "./server.ts";

/** Who asks, and how long they wait. */
export type Scrape = {
  /** Remote address; undefined for somebody who looks without taking it (HEAD). */
  readonly scraper: string | undefined;
  readonly timeoutMs: number;
};

/** What a scrape went without, and why, for people. */
export type Lack = {
  readonly reason: (typeof ledgerCatalogue.ledgerScrapeErrorsTotal.labels.reason)[number];
  readonly message: string;
};

export type ScrapedLedger = {
  /** Always in the same order. */
  readonly groups: readonly ServedGroup[];
  readonly lacks: readonly Lack[];
  /** To be called when all of it was sent, and only then. Never rejects. */
  readonly sent: () => Promise<readonly Lack[]>;
};

export type LedgerServerOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The totals as they stand. It learns which scrapes were sent: new series show 0 until then. */
  readonly read: (scrape: Scrape) => Promise<ScrapedLedger>;
  /** Told each message once. */
  readonly onLack: (message: string) => void;
};

/** Prometheus's own default, for those who do not say. Milliseconds. */
const SCRAPE_TIMEOUT_MS = 10_000;

/** Messages that are remembered as told. */
const MAX_TOLD = 1000;

/** Serves a ledger's totals at `/metrics`. Rejects when the port cannot be had. */
export function startLedgerServer({
  host,
  port,
  read,
  onLack,
}: LedgerServerOptions): Promise<MetricsServer> {
  const own = createMetricSet();
  const errors = own.get(ledgerCatalogue.ledgerScrapeErrorsTotal);
  // From the start on, or the first error would be no increase.
  for (const reason of ledgerCatalogue.ledgerScrapeErrorsTotal.labels.reason) {
    errors.inc({ reason }, 0);
  }
  const told = new Set<string>();

  function note(lacks: readonly Lack[]): void {
    for (const { reason, message } of lacks) {
      errors.inc({ reason });
      if (told.has(message) || told.size === MAX_TOLD) continue;
      told.add(message);
      onLack(message);
    }
  }

  const handle: MetricsHandler = (request, response) =>
    respond(request, response, async () => {
      const { groups, lacks, sent } = await read(scrapeOf(request));
      const { families, conflicts } = mergeGroups(groups);
      const leftOut = conflicts.map((what): Lack => {
        return { reason: "conflict", message: `left out: ${what}` };
      });
      note([...lacks, ...leftOut]);
      response.once("finish", () => {
        // All of it was handed to the system, and nobody has hung up on it.
        if (response.statusCode === 200 && !request.socket.destroyed) void sent().then(note);
      });
      return Buffer.concat([renderFamilies(families), renderFamilies(own.families())]);
    });
  return listenForScrapes(handle, { host, port });
}

function scrapeOf({ method, headers, socket }: IncomingMessage): Scrape {
  const seconds = Number(headers["x-prometheus-scrape-timeout-seconds"]);
  return {
    scraper: method === "GET" ? (socket.remoteAddress ?? "").replace(/^::ffff:/, "") : undefined,
    timeoutMs: seconds > 0 ? seconds * 1000 : SCRAPE_TIMEOUT_MS,
  };
}
