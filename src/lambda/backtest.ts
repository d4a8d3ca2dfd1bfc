/** The backtest as a function: an event is a backtest of the prices that it names. */
import { BACKTEST_LABELS, type BacktestInput, prepareBacktest } from "../jobs/backtest.ts";
import { reportingHandler } from "../lambda.ts";
import { loadAtInit } from "./load-at-init.ts";

export type BacktestEvent = BacktestInput & {
  /** Names the unit of work, e.g. the time that a schedule meant: its success counts once. */
  readonly runId?: string;
};

loadAtInit();

export const handler = reportingHandler(
  { job: "backtest", groupingKey: BACKTEST_LABELS, runId: ({ runId }: BacktestEvent) => runId },
  ({ runId: _, ...input }: BacktestEvent, _context, { signal }) => prepareBacktest(input)(signal),
);
