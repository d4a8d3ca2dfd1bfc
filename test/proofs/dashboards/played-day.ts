import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bundleProgram } from "../../support/bundle.ts";
import type { Day } from "./day.ts";
import { type DayKind, planOf } from "./plan.ts";

const run = promisify(execFile);

/** Plays days in processes of their own, beside each other: each takes a core for a quarter of a minute. */
export function dayPlayer(): (kind: DayKind, file: string) => Promise<Day> {
  const program = bundleProgram("proofs/dashboards/day-worker.ts");
  return async (kind, file) => {
    const { stdout } = await run(process.execPath, [program, kind, file], {
      maxBuffer: MAX_TOLD_BYTES,
    });
    return { ...(JSON.parse(stdout) as Omit<Day, "plan">), plan: planOf(kind) };
  };
}

const MAX_TOLD_BYTES = 10_000_000;
