import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import type { GroupPublication } from "./publish-group.ts";

/** Longest sleep in milliseconds: a clock that is set meanwhile is noticed. */
const MAX_SLEEP_MS = 5000;

/** How long after somebody else was found publishing it is tried again. Seconds. */
const BUSY_SECONDS = 1;

/** Times in a row that everything left is busy, after which its publisher is not waited for. */
const MAX_BUSY_PASSES = 30;

/**
 * Publishes until no value is held back any more. A group that fails or is refused is not waited for;
 * the others are.
 *
 * @param publish one pass.
 * @returns what the last pass gave.
 */
export async function settle(
  publish: () => Promise<readonly GroupPublication[]>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly GroupPublication[]> {
  let busyPasses = 0;
  for (;;) {
    const publications = await publish();
    const due = publications.flatMap((publication) =>
      "held" in publication && publication.held !== undefined ? [publication.held.first] : [],
    );
    const isBusy = publications.some(({ status }) => status === "busy");
    busyPasses = isBusy && due.length === 0 ? busyPasses + 1 : 0;
    const isOver = due.length === 0 && (!isBusy || busyPasses === MAX_BUSY_PASSES);
    if (isOver || signal.aborted) return publications;
    const next = isBusy ? [...due, clock.now() + BUSY_SECONDS] : due;
    const first = next.reduce((a, b) => Math.min(a, b));
    while (clock.now() < first && !signal.aborted) {
      const left = (first - clock.now()) * 1000;
      await delay(Math.min(left, MAX_SLEEP_MS), undefined, { signal }).catch(() => {});
    }
    if (signal.aborted) return publications;
  }
}
