import { labelValueProblem } from "../grouping-key.ts";
import { catalogue } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import { reporterCatalogue } from "../metrics/reporter-catalogue.ts";
import type { Reading } from "../sources/source.ts";
import type { Readings } from "./readings.ts";
import type { PortfolioFigures } from "./tracking.ts";

export type Reported = {
  readonly readings: Readings;
  /** Absent when there is no portfolio to read, or it could not be read. */
  readonly figures: PortfolioFigures | undefined;
  /** Of amounts whose source does not say it. */
  readonly currency: string | undefined;
  /** Unix seconds. */
  readonly now: number;
  /**
   * Every source has answered or failed. Before, nothing is said of the sources themselves: they share
   * their families, and what is pushed of some would erase what was said of the others.
   */
  readonly isWhole: boolean;
};

/**
 * The gauges of one look. What is unknown is absent: a connection that was looked at and did not answer
 * is 0, a kill switch that could not be read is nothing.
 */
export function reportedFamilies({
  readings,
  figures,
  currency,
  now,
  isWhole,
}: Reported): readonly MetricFamily[] {
  const set = createMetricSet();
  if (figures !== undefined) setPortfolio(set, figures);
  const { portfolio, timescale, redis, killSwitch, appStart } = readings;
  if (portfolio?.status === "read") {
    const { value } = portfolio;
    const unit = value.currency ?? currency;
    // What cannot be a label must not cost the rest.
    if (unit !== undefined && unit !== "" && labelValueProblem(unit) === undefined) {
      set.get(reporterCatalogue.portfolioCurrencyInfo).set({ currency: unit }, 1);
    }
    const { isTradingBlocked: isBlocked } = value;
    if (isBlocked !== undefined) {
      set.get(reporterCatalogue.brokerTradingBlocked).set(isBlocked ? 1 : 0);
    }
  }
  if (timescale !== undefined) {
    set.get(catalogue.timescaleConnectionStatus).set(timescale.status === "read" ? 1 : 0);
  }
  if (redis !== undefined) {
    set.get(catalogue.redisConnectionStatus).set(redis.status === "read" ? 1 : 0);
  }
  if (killSwitch?.status === "read") {
    set.get(catalogue.killSwitchStatus).set(killSwitch.value ? 1 : 0);
  }
  if (appStart?.status === "read" && Number.isFinite(appStart.value)) {
    set.get(reporterCatalogue.appStartTimeSeconds).set(appStart.value);
    set.get(catalogue.systemUptimeSeconds).set(Math.max(0, now - appStart.value));
  }
  if (isWhole) for (const reading of Object.values(readings)) setSource(set, reading);
  return set.families();
}

function setPortfolio(set: MetricSet, figures: PortfolioFigures): void {
  const gauges = [
    [catalogue.portfolioTotalValue, figures.totalValue],
    [catalogue.portfolioCash, figures.cash],
    [catalogue.currentPositionsCount, figures.positions],
    [catalogue.dailyPnl, figures.dailyPnl],
    [catalogue.totalReturnPct, figures.totalReturnPct],
    [catalogue.maxDrawdownPct, figures.maxDrawdownPct],
    [reporterCatalogue.currentDrawdownPct, figures.currentDrawdownPct],
  ] as const;
  for (const [definition, value] of gauges) {
    if (value !== undefined && Number.isFinite(value)) set.get(definition).set(value);
  }
}

function setSource(set: MetricSet, { source, seconds, status }: Reading<unknown>): void {
  set.get(reporterCatalogue.sourceUp).set({ source }, status === "read" ? 1 : 0);
  set.get(reporterCatalogue.sourceReadSeconds).set({ source }, seconds);
}
