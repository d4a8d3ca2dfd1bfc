import { createInterface } from "node:readline/promises";
import type { Io } from "./io.ts";

/** Whether somebody sits there who can be asked. */
export function isAtTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks a person at the terminal, on standard error. Anything but `y` or `yes` is a no, the end of the
 * input as well; Ctrl-C ends the process, as anywhere else.
 *
 * @param question one sentence, e.g. `Delete {job="import"}?`.
 */
export async function confirm(question: string, io: Io): Promise<boolean> {
  io.err(`${question} [y/N] `);
  // Not as a terminal: then the system edits the line and handles Ctrl-C.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return /^y(?:es)?$/i.test(line.trim());
    io.err("\n");
    return false;
  } finally {
    lines.close();
  }
}
