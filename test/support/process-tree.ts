import { readdirSync, readFileSync } from "node:fs";

/**
 * Sends a signal to a process and then to its children, who may be in groups of their own. For
 * SIGSTOP in that order: a parent that is suspended makes no more of them.
 */
export function signalWithChildren(pid: number, signal: NodeJS.Signals): void {
  send(pid, signal);
  for (const child of childrenOf(pid)) send(child, signal);
}

/** From `/proc`: `ps` is not everywhere. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    // `pid (command) state parent ...`, where the command may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return Number(fields?.[1]);
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
