import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { contestants, nodeMajor } from "./contestants.mjs";
import { undisturbed } from "./statistics.mjs";

const PROCESS_FILE = fileURLToPath(new URL("./contestant-process.mjs", import.meta.url));

/** Length of a slice in milliseconds: dozens of batches. */
const SLICE_MS = 20;

/**
 * Brings the last compiler in after 200 calls of a function instead of 3000. It ends with the same
 * code; without it a row starts for up to half a second in code that does not last. Node 20 has no
 * compiler in between, and no such option.
 */
const EXEC_ARGV = nodeMajor >= 22 ? ["--invocation-count-for-turbofan=200"] : [];

/** Deadline of one answer in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Measures a row once: a fresh process for each contestant, then rounds in which each of them gets
 * one slice in turn, so that a neighbour's busy second falls on all of them alike.
 *
 * @returns the nanoseconds of one call, by contestant.
 * @throws when a contestant fails or did not count right.
 */
export async function measureRow(row, { rounds, productFile }) {
  const processes = contestants.map((name) => start(row, name, productFile));
  try {
    await Promise.all(processes.map(({ ready }) => ready));
    for (const { ask } of processes) await ask({ step: "warmUp" });
    for (let round = 0; round < rounds; round++) {
      for (const { slices, ask } of processes) {
        const { ns } = await ask({ step: "slice", sliceMs: row.sliceMs ?? SLICE_MS });
        slices.push(ns);
      }
    }
    for (const { ask } of processes) await ask({ step: "check" });
    return new Map(processes.map(({ name, slices }) => [name, undisturbed(slices)]));
  } finally {
    for (const { child } of processes) child.kill();
  }
}

function start(row, name, productFile) {
  const child = fork(PROCESS_FILE, [row.id, name, productFile], { execArgv: EXEC_ARGV });
  const ready = receive();

  async function receive() {
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    try {
      const [reply] = await Promise.race([
        once(child, "message", { signal }),
        once(child, "exit", { signal }).then(() => [{ error: "the process ended" }]),
      ]);
      if (reply.error !== undefined) throw new Error(`${row.id}, ${name}: ${reply.error}`);
      return reply;
    } finally {
      done.abort();
    }
  }

  async function ask(message) {
    const reply = receive();
    child.send(message);
    return reply;
  }

  return { name, child, ready, slices: [], ask };
}
