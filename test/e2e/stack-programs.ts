import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export type StackProgram = {
  /** Resolves to its exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Asks it to end, and waits until it has. */
  readonly stop: () => Promise<void>;
};

export type StackProgramOptions = {
  readonly env: Readonly<Record<string, string>>;
  /** Each line of what it prints, on either stream. */
  readonly onLine: (line: string) => void;
};

/** Starts a Node program, with its arguments, that must not outlive the stack. */
export function startProgram(
  args: readonly string[],
  { env, onLine }: StackProgramOptions,
): StackProgram {
  const child = spawn(process.execPath, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
  }
  const ended = endOf(child);
  return {
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, "close");
  return code;
}
