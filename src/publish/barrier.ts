import { setTimeout as delay } from "node:timers/promises";
import { PushError } from "../errors.ts";
import { type PushClient, READY_PATH } from "../push/client.ts";

/** Pause between two questions, in milliseconds. */
const POLL_MS = 100;

/** How long a request that was on its way may still take once others are answered. Milliseconds. */
const SETTLE_MS = 250;

/**
 * Resolves when no push that was sent before can be applied any more: the gateway itself answers
 * again, to our own credentials, and has had the time to deal with what was waiting.
 *
 * Without it, the push that a stalled gateway had not answered is applied after the next one, and
 * counters fall (`npm run proofs` shows it).
 *
 * Rejects with what the gateway last answered when the signal aborts, and at once with what no
 * waiting helps against (401, a redirect).
 */
export type Barrier = (client: PushClient, signal: AbortSignal) => Promise<void>;

export const barrier: Barrier = async (client, signal) => {
  for (;;) {
    try {
      await client.get(READY_PATH, { signal, attempts: 1 });
      break;
    } catch (error) {
      if (signal.aborted || !(error instanceof PushError && error.retryable)) throw error;
      await delay(POLL_MS, undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
  await delay(SETTLE_MS, undefined, { signal });
};
