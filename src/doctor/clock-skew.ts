import type { Finding } from "./check.ts";
import { ageText, ok, skipped, warning } from "./context.ts";

/** Clocks that differ by less make no alert wrong. Seconds. */
const TOLERANCE = 5;

/** The `Date` header says no more than the second. */
const RESOLUTION = 1;

/**
 * Compares clocks by the `Date` of an answer: it was written between the request and the answer, so
 * that neither a slow network nor the header's resolution is taken for a difference.
 *
 * @param sentAt and `receivedAt` are Unix seconds of this host's clock.
 */
export function checkClock(
  whose: string,
  date: string | undefined,
  { sentAt, receivedAt }: { readonly sentAt: number; readonly receivedAt: number },
): Finding {
  const theirs = Date.parse(date ?? "") / 1000;
  if (Number.isNaN(theirs)) return skipped(`${whose} did not say what time it is there`);
  const ahead = theirs - receivedAt;
  const behind = sentAt - (theirs + RESOLUTION);
  const difference = Math.max(ahead, behind, 0);
  if (difference <= TOLERANCE) {
    return ok(`this host's clock and that of ${whose} agree, to within ${TOLERANCE} s`);
  }
  return warning(
    `the clock of ${whose} is ${ageText(difference)} ${ahead > 0 ? "ahead of" : "behind"} this host's: ` +
      "times in metrics and alerts on their age are wrong by as much; check time synchronisation (NTP) on both",
  );
}
