import { playDay } from "./day.ts";
import type { DayKind } from "./plan.ts";

/**
 * Plays a day in a process of its own, into a file of OpenMetrics, and tells on standard output what
 * happened: `day-worker.mjs good FILE`.
 */
const [kind = "good", file = ""] = process.argv.slice(2);
if ((kind !== "good" && kind !== "bad") || file === "") {
  throw new Error("day-worker.mjs good|bad FILE");
}
const { plan, ...told } = await playDay(kind satisfies DayKind, file);
process.stdout.write(`${JSON.stringify(told)}\n`);
