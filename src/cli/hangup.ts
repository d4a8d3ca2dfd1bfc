import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** Bit of SIGHUP in the signal masks of /proc/PID/status. */
const SIGHUP_BIT = 1n;

/** Access mode in the flags of /proc/PID/fdinfo, and its value for "only to be written to". */
const ACCESS_MODE = 3;
const WRITE_ONLY = 1;

/**
 * Whether we were started to outlive the terminal: by nohup, or by a shell that ignores SIGHUP.
 *
 * Node takes every signal back to its default before any of our code runs, so that the system no
 * longer tells; what is left are traces. The shell (bash, zsh, ksh) names the program that it started
 * as `_`. nohup replaces a terminal as standard input by a /dev/null that cannot be read. A parent
 * that ignores SIGHUP hands that on. The last two are seen on Linux only.
 */
export function ignoresHangup(env: Readonly<Record<string, string | undefined>>): boolean {
  const startedAs = env["_"];
  if (startedAs !== undefined && basename(startedAs) === "nohup") return true;
  return isInputOfNohup() || parentIgnoresHangup();
}

function isInputOfNohup(): boolean {
  try {
    if (readlinkSync("/proc/self/fd/0") !== "/dev/null") return false;
    const [, flags = "0"] = /^flags:\s*([0-7]+)/m.exec(proc("self/fdinfo/0")) ?? [];
    return (Number.parseInt(flags, 8) & ACCESS_MODE) === WRITE_ONLY;
  } catch {
    return false;
  }
}

function parentIgnoresHangup(): boolean {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)/m.exec(proc(`${process.ppid}/status`)) ?? [];
    return (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
  } catch {
    return false;
  }
}

function proc(path: string): string {
  return readFileSync(`/proc/${path}`, "utf8");
}
