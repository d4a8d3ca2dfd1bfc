import { systemClock } from "../clock.ts";
import { trackAiRequest } from "../default-pricing.ts";
import { recordAnalysis, recordConviction, recordDecision } from "../metrics/ai.ts";
import { trackConstitutionCheck } from "../metrics/constitution.ts";
import {
  recordCacheHit,
  recordCacheMiss,
  trackFeatureCalculation,
  trackFeatureQuery,
  updateCacheMetrics,
} from "../metrics/feature-store.ts";
import { updateSystemHealth } from "../metrics/health.ts";
import { trackTrade, updatePortfolioMetrics } from "../metrics/trading.ts";
import { createLedgerReader } from "../publish/serve-ledger.ts";
import { startLedgerServer } from "../scrape/ledger.ts";
import { startMetricsServer } from "../scrape/server.ts";
import { type Io, UsageError } from "./io.ts";
import { listenUntilStopped } from "./listen.ts";
import { type GatewayFlags, ledgerOf } from "./target.ts";

export type ServeFlags = Pick<GatewayFlags, "config" | "quiet"> & {
  readonly listen: string;
  readonly ledger?: boolean;
  readonly demo?: boolean;
};

/** Serves `/metrics` until it is stopped: a ledger's totals, or made-up values. */
export function serve(flags: ServeFlags, io: Io): Promise<void> {
  if (flags.ledger === flags.demo) {
    throw new UsageError("serve takes --ledger for the totals of the ledger, or --demo");
  }
  return flags.demo ? serveDemo(flags, io) : serveLedger(flags, io);
}

/** Serves the totals of the ledger, so that Prometheus needs no gateway. */
async function serveLedger({ listen, ...flags }: ServeFlags, io: Io): Promise<void> {
  const { ledger } = await ledgerOf(flags, io);
  // A place that is unfit is told now, and not by the first scrape.
  await ledger.ledgerId();
  const read = createLedgerReader({ ledger, clock: systemClock });
  const onLack = (message: string) => io.err(`closing-bell: ${message}\n`);
  await listenUntilStopped(
    listen,
    ({ host, port }) => startLedgerServer({ host, port, read, onLack }),
    ({ url }) => {
      if (flags.quiet) return;
      io.err(
        `closing-bell: totals of ${ledger.place} at ${url.href}; scrape it with honor_labels: true\n`,
      );
    },
  );
}

/** Serves all 24 metrics with made-up values that change every second. */
async function serveDemo({ listen }: { readonly listen: string }, io: Io): Promise<void> {
  let round = 0;
  await liveRound(round++);
  const timer = setInterval(() => void liveRound(round++), 1000).unref();
  await listenUntilStopped(listen, startMetricsServer, ({ url }) =>
    io.err(`closing-bell: made-up values of all 24 metrics at ${url.href}\n`),
  );
  clearInterval(timer);
}

/** One round of a live system: an analysis, a decision, its checks, a trade now and then. */
async function liveRound(round: number): Promise<void> {
  const wave = Math.sin(round / 10);
  recordAnalysis();
  await trackAiRequest("claude-3-haiku-20240307", async () => "BUY", { costUsd: 0.0007 });
  const action = wave > 0.3 ? "BUY" : wave < -0.3 ? "SELL" : "HOLD";
  const conviction = Math.abs(wave);
  recordDecision({ ticker: "AAPL", action });
  recordConviction(action, conviction);
  trackConstitutionCheck("conviction_threshold", { passed: conviction >= 0.7 });
  // The first round shows every family at once, violations and trades included.
  if (round === 0) trackTrade({ ticker: "AAPL", side: "BUY" });
  if (action !== "HOLD" && conviction >= 0.7) trackTrade({ ticker: "AAPL", side: action });

  trackFeatureQuery(() => {
    recordCacheHit(round % 2 === 0 ? "L1_Redis" : "L2_TimescaleDB");
    if (round % 20 === 0) {
      recordCacheMiss();
      trackFeatureCalculation("mom_20d", () => wave);
    }
  });
  updateCacheMetrics({ hits: 950, misses: 50 });
  updatePortfolioMetrics({
    totalValue: 105_000 + 1000 * wave,
    cash: 50_000,
    numPositions: 7,
    dailyPnl: 1250.5 * wave,
    totalReturnPct: 5 + wave,
    maxDrawdownPct: -3.5,
  });
  updateSystemHealth({
    uptimeSeconds: process.uptime(),
    timescaleConnected: true,
    redisConnected: true,
    killSwitchActive: false,
  });
}
