import type { Clock } from "../clock.ts";
import type { Settings } from "../config/config.ts";
import { type Origin, originText } from "../config/origin.ts";
import type { GatewayAddress } from "../gateway-url.ts";
import type { FileSystem } from "../ledger/file/file-system.ts";
import type { Lookup } from "../push/exchange.ts";
import type { Checks, Finding } from "./check.ts";

/** What every group of checks has. */
export type DoctorContext = Checks & {
  readonly settings: Settings;
  /** Of `--prometheus`. */
  readonly prometheus: GatewayAddress | undefined;
  readonly clock: Clock;
  readonly lookup: Lookup;
  /** Instead of the system's name servers, for tests. */
  readonly nameServers?: readonly string[];
  readonly fs: FileSystem;
  readonly pid: number;
  /** Aborts when all time is over. */
  readonly deadline: AbortSignal;
  /** Longest time of one step on the network: as long as a push takes at most, if there is so much. */
  readonly stepMs: number;
};

/** A signal for one step on the network, which may take so much of the time for one. */
export function stepSignal({ deadline, stepMs }: DoctorContext, share = 1): AbortSignal {
  return AbortSignal.any([deadline, AbortSignal.timeout(Math.ceil(stepMs * share))]);
}

/** All is well. */
export function ok<T>(message: string, value?: T): Finding<T> {
  return finding("ok", message, value);
}

/** It works, and somebody should know. */
export function warning<T>(message: string, value?: T): Finding<T> {
  return finding("warning", message, value);
}

/** It does not work. */
export function failed(message: string): Finding<never> {
  return { status: "failed", message };
}

/** It was not looked at, and this is why. */
export function skipped(message: string): Finding<never> {
  return { status: "skipped", message, without: message };
}

function finding<T>(status: Finding["status"], message: string, value: T | undefined): Finding<T> {
  return value === undefined ? { status, message } : { status, message, value };
}

/** Who said it: `from PUSHGATEWAY_URL`, `by default`. */
export function sourceText(origin: Origin): string {
  return origin.type === "default" ? "by default" : `from ${originText(origin)}`;
}

/** Milliseconds as a person reads them. */
export function millisecondsText(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${Math.round(milliseconds / 100) / 10} s`;
}

/** Seconds as a person reads them, e.g. `3 days`; one unit is enough. */
export function ageText(seconds: number): string {
  const [size, unit] = AGE_UNITS.find(([size]) => seconds >= 2 * size) ?? [1, "s"];
  return `${Math.round(seconds / size)} ${unit}`;
}

const AGE_UNITS: readonly (readonly [number, string])[] = [
  [86_400, "days"],
  [3600, "hours"],
  [60, "minutes"],
];
