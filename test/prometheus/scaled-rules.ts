import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { milliseconds } from "./on-loopback.ts";
import { ruleFiles } from "./shipped.ts";

/** What all of their times are divided by: a minute is a second. */
export const RULES_SCALE = 60;

/** Longest time, in seconds, that a job of a daily or weekly schedule may go without a run: for all of them. */
export const SCALED_MAX_AGE_SECONDS = 6;

const DAY_SECONDS = 86_400;

/**
 * Writes the shipped rules with their times scaled down, and nothing else changed: what `for` and
 * `keep_firing_for` wait, ranges and offsets, and limits that are seconds.
 *
 * @returns the paths of the files.
 */
export function writeScaledRules(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return ruleFiles().map((file) => {
    const scaled = join(folder, basename(file));
    writeFileSync(scaled, scaleRules(readFileSync(file, "utf8")));
    return scaled;
  });
}

function scaleRules(text: string): string {
  return (
    text
      .replaceAll(
        /((?:for|keep_firing_for): |\[|offset )(\d+[smhd])\b/g,
        (_, before, duration) => `${before}${scaledSeconds(milliseconds(duration) / 1000)}s`,
      )
      // Limits in seconds. What is no time has one digit, a sign or a point.
      .replaceAll(
        /(vector\(|[<>]=? )(\d{2,})\b(?!\.)/g,
        (_, before, seconds) => `${before}${scaledSeconds(Number(seconds))}`,
      )
  );
}

function scaledSeconds(seconds: number): number {
  if (seconds > DAY_SECONDS) return SCALED_MAX_AGE_SECONDS;
  return Math.max(1, Math.round(seconds / RULES_SCALE));
}
