import { type Expectation, selector } from "../expectations.ts";
import { BAD, BUSY, GOOD, NONE, type Steps } from "./palette.ts";
import type { States } from "./states.ts";

export const AGE_LIMIT = "expectation:batch_job_age_seconds:limit";
export const DUE = "expectation:batch_job_age_seconds:limit_due";
export const DURATION_LIMIT = "expectation:batch_job_duration_seconds:limit";
export const COMPLETED = "expectation:batch_job_last_completion_timestamp_seconds:max";
export const FAILED = "expectation:batch_job_last_failure_timestamp_seconds:max";
export const RUNNING = "expectation:batch_job_running_start_timestamp_seconds:min";

/** Matchers of the jobs that are chosen. */
export const CHOSEN = 'job=~"$job",mode=~"$mode",strategy=~"$strategy"';

export const STATES: States = {
  0: { text: "SUCCEEDED", color: GOOD },
  1: { text: "RUNNING", color: BUSY },
  2: { text: "NOT YET DUE", color: NONE },
  3: { text: "FAILED", color: BAD },
  4: { text: "HANGS", color: BAD },
  5: { text: "OVERDUE", color: BAD },
  6: { text: "NEVER RAN", color: BAD },
};

export const STATE_STEPS: Steps = [GOOD, [1, BUSY], [2, NONE], [3, BAD]];

/** Worst first: of several that are true the first arm is taken. */
export function stateOf(matchers: string): string {
  const chosen = `{${matchers}}`;
  return `0 * (${DUE}${chosen} unless ${COMPLETED}) + 6
  or 0 * (time() - ${COMPLETED}${chosen} > ${AGE_LIMIT}) + 5
  or 0 * (time() - ${RUNNING}${chosen} > ${DURATION_LIMIT}) + 4
  or 0 * ${FAILED}${chosen} + 3
  or 0 * ${RUNNING}${chosen} + 1
  or 0 * ${COMPLETED}${chosen}
  or 0 * ${DURATION_LIMIT}${chosen} + 2`;
}

/** One arm for each entry: the newest of its groups, with the labels of the entry. */
export function each(
  expectations: readonly Expectation[],
  arm: (group: string, own: string, expectation: Expectation) => string,
): string {
  // An expression must not be empty: this one matches nothing.
  if (expectations.length === 0) return `${DURATION_LIMIT}{${CHOSEN}}`;
  return expectations
    .map((expectation) => arm(selector(expectation.labels), ownSelector(expectation), expectation))
    .join("\n  or ");
}

/** Of an entry's own recorded series, where it is among the jobs that are chosen. */
function ownSelector({ labels, severity }: Expectation): string {
  return `${selector({ ...labels, severity }).slice(0, -1)},${CHOSEN}}`;
}
