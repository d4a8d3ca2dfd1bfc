/** How long a reader that is behind may keep a line waiting, in milliseconds. */
const MAX_WAIT_MS = 500;

/**
 * Writes a line to standard error, whole and at once: whoever writes it may be ended next. Not through
 * `process.stderr`, whose errors come as events, and would end a process that does not listen.
 */
export function writeLogLine(line: string): void {
  writeLine(2, line);
}

/** The same to standard output. */
export function writeOutputLine(line: string): void {
  writeLine(1, line);
}

function writeLine(descriptor: number, line: string): void {
  const { writeSync } = process.getBuiltinModule("node:fs");
  const bytes = Buffer.from(`${line}\n`);
  const giveUpAt = performance.now() + MAX_WAIT_MS;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const isBehind = (error as NodeJS.ErrnoException).code === "EAGAIN";
      if (!isBehind || performance.now() > giveUpAt) return;
    }
  }
}
