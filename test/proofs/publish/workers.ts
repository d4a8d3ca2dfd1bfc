import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bundleProgram } from "../../support/bundle.ts";
import type { WorkerOrders } from "./worker.ts";

export type Worker = {
  readonly process: ChildProcess;
  /** What it told so far: the first word of each line, and the rest. */
  readonly told: readonly Told[];
  /** Resolves when it told a line that begins with one of these; rejects when it ended without. */
  readonly tells: (...what: readonly string[]) => Promise<Told>;
  /** Resolves when it has ended: done, or killed. Rejects when it failed. */
  readonly ended: Promise<void>;
};

export type Told = { readonly what: string; readonly fact: string };

/** Builds the worker once; the function that it returns starts one. */
export function prepareWorkers(): (orders: WorkerOrders, options?: StartOptions) => Worker {
  const program = bundleProgram("proofs/publish/worker.ts");
  return (orders, options) => startWorker(program, orders, options);
}

type StartOptions = {
  /** A command that starts the rest of its command line, e.g. in another network namespace. */
  readonly within?: readonly string[];
  readonly onTold?: (told: Told) => void;
};

function startWorker(
  program: string,
  orders: WorkerOrders,
  { within = [], onTold }: StartOptions = {},
): Worker {
  const line = [...within, process.execPath, program, JSON.stringify(orders)];
  const [command = "", ...args] = line;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const told: Told[] = [];
  const waiting = new Set<() => void>();
  let isOver = false;
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  createInterface({ input: child.stdout }).on("line", (text) => {
    const [what = ""] = text.split(" ", 1);
    const line = { what, fact: text.slice(what.length + 1) };
    told.push(line);
    onTold?.(line);
    for (const look of waiting) look();
  });
  const ended = once(child, "close").then(([code, signal]) => {
    isOver = true;
    for (const look of waiting) look();
    if (code === 0 || signal === "SIGKILL") return;
    throw new Error(`${orders.name}: exit ${code}, signal ${signal}: ${stderr}`);
  });
  // Whoever waits for it hears of it; a test that failed before does not.
  ended.catch(() => {});

  return {
    process: child,
    told,
    ended,
    tells: (...wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = told.find(({ what }) => wanted.includes(what));
          if (found !== undefined) resolve(found);
          else if (isOver) reject(new Error(`${orders.name} did not tell ${wanted}: ${stderr}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  };
}
