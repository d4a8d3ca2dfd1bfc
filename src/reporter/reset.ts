import { LedgerUnavailableError } from "../errors.ts";
import { resetHighWaterMark } from "./track-portfolio.ts";
import { readTracking, type StateStore, saveTracking } from "./tracking-state.ts";

/** Each time it is lost, a reporter has looked in between. */
const ATTEMPTS = 5;

/**
 * Begins the high-water mark anew, on purpose: from what the portfolio is worth now, without a drawdown.
 *
 * @returns `nothing`: nothing was ever tracked under this name.
 * @throws what the store throws.
 */
export async function resetTracking(store: StateStore, name: string): Promise<"reset" | "nothing"> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await readTracking(store, name);
    if (stored.tracking === undefined) return "nothing";
    const next = resetHighWaterMark(stored.tracking);
    if ((await saveTracking(store, name, stored, next)) === "won") return "reset";
  }
  throw new LedgerUnavailableError(
    `the state ${name} is written by others all the time: stop the reporter, then reset`,
  );
}
