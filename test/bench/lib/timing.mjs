/**
 * Timing by calibrated batches, not by mitata: the number of calls must be known exactly, to check
 * afterwards that each was counted, and one process must be measured in many short slices, taking
 * turns with the others of its row.
 */
import { PERIOD } from "./data.mjs";
import { undisturbed } from "./statistics.mjs";

/** Long against the clock's own cost, short against a neighbour's turn on the processor. */
const BATCH_NS = 100_000;

/** Time for the last of the engine's compilers to have come and gone. */
const WARM_UP_MS = 200;

/** Times `subject.batch(calls)`, a loop of that many synchronous calls. */
export function createBatchTimer({ batch }) {
  let size = PERIOD;
  let calls = 0;

  function run() {
    calls += size;
    return timeBatch(batch, size);
  }

  return {
    calls: () => calls,

    // In short batches: a long loop would be compiled while it runs, in a form that does not last.
    warmUp() {
      const end = performance.now() + WARM_UP_MS;
      while (performance.now() < end) run();
      while (run() < BATCH_NS) size *= 2;
    },

    slice(sliceMs) {
      const end = performance.now() + sliceMs;
      const times = [];
      while (performance.now() < end) times.push(run() / size);
      return undisturbed(times);
    },
  };
}

/** Times `subject.call()`, one asynchronous call; `subject.change(n)` before each is not timed. */
export function createCallTimer({ change, call }) {
  let calls = 0;

  async function run() {
    change(calls);
    calls += 1;
    const started = process.hrtime.bigint();
    await call();
    return Number(process.hrtime.bigint() - started);
  }

  return {
    calls: () => calls,

    async warmUp() {
      const end = performance.now() + 3 * WARM_UP_MS;
      while (performance.now() < end) await run();
    },

    async slice(sliceMs) {
      const end = performance.now() + sliceMs;
      const times = [];
      while (performance.now() < end) times.push(await run());
      return undisturbed(times);
    },
  };
}

function timeBatch(batch, calls) {
  const started = process.hrtime.bigint();
  batch(calls);
  return Number(process.hrtime.bigint() - started);
}

// A call site that has seen two functions is not inlined. Were it, the loop of a batch would in
// time become part of its caller's half-optimized code, and be three times as slow for good.
timeBatch(() => {}, 0);
