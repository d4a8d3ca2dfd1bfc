/**
 * One contestant of one row, in a process of its own: what another one compiled or allocated does
 * not reach it, and every call site sees one kind of object. Measures a slice whenever it is told.
 */
import { FLOOR, loadLibrary } from "./contestants.mjs";
import { assertSamples, parseSamples } from "./samples.mjs";
import { createBatchTimer, createCallTimer } from "./timing.mjs";

const [rowId, contestant, productFile] = process.argv.slice(2);

try {
  const { subject, timer, expected } = await setUp();
  process.on("message", (message) => void reply(() => act(message, { subject, timer, expected })));
  process.send({});
} catch (error) {
  process.send({ error: messageOf(error) });
}

async function setUp() {
  const { library, floor, expected, timedAs } = await import(`../cases/${rowId}.mjs`);
  const subject = contestant === FLOOR ? floor() : await withSamples(library);
  const timer = timedAs === "calls" ? createCallTimer(subject) : createBatchTimer(subject);
  return { subject, timer, expected };
}

/** Unless the row says how, what was counted is read the way every user reads it. */
async function withSamples(library) {
  const loaded = await loadLibrary(contestant, productFile);
  const samples = async () => parseSamples(await loaded.registry.metrics());
  return { samples, ...library(loaded) };
}

async function reply(action) {
  try {
    process.send(await action());
  } catch (error) {
    process.send({ error: messageOf(error) });
  }
}

async function act({ step, sliceMs }, { subject, timer, expected }) {
  switch (step) {
    case "warmUp":
      await timer.warmUp();
      return {};
    case "slice":
      return { ns: await timer.slice(sliceMs) };
    case "check":
      // So that nobody is fast by not counting.
      assertSamples(await subject.samples(), expected(timer.calls()));
      return {};
    default:
      throw new Error(`unknown step ${step}`);
  }
}

function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
