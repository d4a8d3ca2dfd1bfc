import type { PortfolioReading } from "../../../src/sources/portfolio/portfolio.ts";
import { analysis, BACKTEST, backtest, execution, momentsOf, REVERSION, research } from "./runs.ts";
import { BEGIN, END, HOUR, MINUTE, unix } from "./times.ts";
import type { Moment, Run } from "./work.ts";

/*
 * What happens on the simulated day, as plain data: the truth that panels are held to is added up from
 * it, and the programs that report are told to do it. Times are Unix seconds.
 */

export type DayKind = "good" | "bad";

export type Plan = {
  readonly kind: DayKind;
  readonly runs: readonly Run[];
  readonly moments: readonly Moment[];
  readonly accountAt: (time: number) => PortfolioReading;
  readonly isHaltedAt: (time: number) => boolean;
  /** Sources of the reporter that answer. */
  readonly isUpAt: (source: Source, time: number) => boolean;
  readonly isLookingAt: (time: number) => boolean;
  readonly isGatewayUpAt: (time: number) => boolean;
};

export const SOURCES = ["portfolio", "timescale", "redis", "kill_switch", "app_start"] as const;
export type Source = (typeof SOURCES)[number];

/** When the trading application was started. */
export const APP_STARTED_AT = unix("2026-11-22T08:00Z");

export const TRACKING = { timeZone: "UTC", startCapital: 80_000 } as const;

export function planOf(kind: DayKind): Plan {
  const isBad = kind === "bad";
  const runs: Run[] = [
    // Friday's: Monday's did not come.
    backtest(BACKTEST, "2026-11-20T22:30:00Z", 1),
    backtest(REVERSION, "2026-11-23T12:00:00Z", 2),
    analysis("2026-11-23T14:45:00Z", 3),
    // Yesterday's, within the day's range.
    backtest(REVERSION, "2026-11-23T23:25:00Z", 4),
  ];
  if (isBad) {
    // Hangs for longer than its 15 minutes, and fails.
    runs.push(analysis("2026-11-24T14:45:00Z", 5, { outcome: "failed", seconds: 1520 }));
  } else {
    // Monday's, late: Tuesday, 03:10.
    runs.push(backtest(BACKTEST, "2026-11-24T03:10:00Z", 6));
    runs.push(analysis("2026-11-24T14:45:00Z", 5, { outcome: "failed", seconds: 65 }));
    runs.push(analysis("2026-11-24T14:50:00Z", 7));
    runs.push(backtest(BACKTEST, "2026-11-24T22:30:00Z", 8));
  }
  for (let at = BEGIN - 40 * MINUTE; at < END; at += 2 * HOUR) {
    // 22:20, 00:20, 02:20 and so on.
    const isWorse = isBad && at >= unix("2026-11-24T20:00Z");
    runs.push(research(at, isWorse));
  }
  for (let at = BEGIN - 25 * MINUTE; at < END; at += HOUR) runs.push(execution(at));
  return {
    kind,
    runs: runs.sort((a, b) => a.startsAt - b.startsAt),
    moments: momentsOf(),
    accountAt: (time) => accountAt(kind, time),
    isHaltedAt: (time) => isBad && HALTS.some((halt) => isWithin(time, halt)),
    isUpAt: (source, time) =>
      !isBad || OUTAGES.every((outage) => outage.source !== source || !isWithin(time, outage)),
    isLookingAt: (time) => !isBad || !isWithin(time, SILENCE),
    isGatewayUpAt: (time) => !isBad || !isWithin(time, GATEWAY_OUTAGE),
  };
}

type Span = { readonly from: number; readonly to: number };

export function isWithin(time: number, { from, to }: Span): boolean {
  return time >= from && time < to;
}

/** Of the bad day: trading is halted while nobody looks, and in the evening. */
export const HALTS: readonly Span[] = [
  { from: unix("2026-11-24T07:50Z"), to: unix("2026-11-24T08:30Z") },
  { from: unix("2026-11-24T21:30Z"), to: Number.POSITIVE_INFINITY },
];
export const OUTAGES: readonly (Span & { readonly source: Source })[] = [
  { source: "kill_switch", from: unix("2026-11-24T04:00Z"), to: unix("2026-11-24T04:10Z") },
  { source: "redis", from: unix("2026-11-24T21:00Z"), to: Number.POSITIVE_INFINITY },
  { source: "app_start", from: unix("2026-11-24T22:30Z"), to: Number.POSITIVE_INFINITY },
];
/**
 * Somebody pushes a family of the reporter's with another type while the reporter does not have it, so
 * that the gateway refuses the reporter from when it can read the switch again until that is removed.
 */
export const ROGUE = { from: unix("2026-11-24T04:05Z"), to: unix("2026-11-24T04:30Z") };
/** The reporter does not look. */
export const SILENCE: Span = { from: unix("2026-11-24T08:00Z"), to: unix("2026-11-24T08:20Z") };
/** Prometheus cannot scrape the gateway. */
export const GATEWAY_OUTAGE: Span = {
  from: unix("2026-11-24T10:00Z"),
  to: unix("2026-11-24T10:08Z"),
};

/** From each time on: equity, and deposits less withdrawals. Exact in two decimals. */
export const ACCOUNT: Readonly<
  Record<DayKind, readonly (readonly [at: number, equity: number, flows: number])[]>
> = {
  good: [
    [0, 100_000, 0],
    // +4 %
    [unix("2026-11-24T02:00Z"), 104_000, 0],
    // -2.5 %
    [unix("2026-11-24T07:00Z"), 101_400, 0],
    // A deposit of 10,000, no profit.
    [unix("2026-11-24T11:00Z"), 111_400, 10_000],
    // +5 %
    [unix("2026-11-24T15:00Z"), 116_970, 10_000],
    // -1 %
    [unix("2026-11-24T19:00Z"), 115_800.3, 10_000],
  ],
  bad: [
    [0, 100_000, 0],
    [unix("2026-11-24T02:00Z"), 104_000, 0],
    [unix("2026-11-24T11:00Z"), 114_000, 10_000],
    // -5 %
    [unix("2026-11-24T15:00Z"), 108_300, 10_000],
    // -8 %, which makes -12.6 % from the peak.
    [unix("2026-11-24T18:00Z"), 99_636, 10_000],
  ],
};

function accountAt(kind: DayKind, time: number): PortfolioReading {
  const [, equity, cashFlowTotal] = ACCOUNT[kind].findLast(([at]) => at <= time) ?? [0, 0, 0];
  return { equity, cash: equity / 10, positions: 6, cashFlowTotal, currency: "USD" };
}
