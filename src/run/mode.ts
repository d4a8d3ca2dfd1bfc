import { ModeError } from "../errors.ts";
import { type GroupingKey, groupingKey } from "../grouping-key.ts";

/** A backtest and a live account report the same families; `mode` keeps them apart. */
export const MODES = ["backtest", "paper", "live"] as const;

export type Mode = (typeof MODES)[number];

/** What the job catalogue (`jobs` in closing-bell.json) says of a job. */
export type JobEntry = {
  /** Grouping labels that every run of the job has. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly mode?: Mode;
};

/**
 * The group that a run reports to: the catalogue's labels and mode, overridden by the run's own.
 *
 * @throws {InvalidGroupingKeyError}, and {ModeError} for a mode that is none.
 */
export function runGroupingKey(
  job: string,
  labels: Readonly<Record<string, string>>,
  entry: JobEntry | undefined,
): GroupingKey {
  const mode = entry?.mode === undefined ? {} : { mode: entry.mode };
  const key = groupingKey(job, { ...entry?.labels, ...mode, ...labels });
  const given = key.labels["mode"];
  if (given !== undefined && !MODES.some((known) => known === given)) {
    throw new ModeError(
      `job ${job}: mode is ${JSON.stringify(given)}; expected one of ${MODES.join(", ")}`,
    );
  }
  return key;
}

/** @throws {ModeError} when trading families were set and the group does not say in which mode. */
export function requireMode(
  { job, labels }: GroupingKey,
  tradingFamilies: readonly string[],
): void {
  const [first] = tradingFamilies;
  if (first === undefined || labels["mode"] !== undefined) return;
  throw new ModeError(
    `job ${job} set ${first} without a mode: a backtest would look like a live account. ` +
      `Add the grouping label mode (${MODES.join(", ")}), or jobs.${job}.mode in closing-bell.json`,
  );
}
