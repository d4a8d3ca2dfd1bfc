import { describe, expect, test } from "@jest/globals";
import { type ReadingPass, type ReporterSources, readAll } from "../../src/reporter/readings.ts";
import { answering, failing, hanging, held } from "./reading-sources.ts";

const GOES_ON = new AbortController().signal;

/** Long enough for any machine: a pass that waits for it was not told in time. */
const NEVER_MS = 60_000;

describe("reading all sources", () => {
  test("that answer at once is one whole pass", async () => {
    const sources: ReporterSources = {
      timescale: answering("timescale", true),
      redis: failing("redis"),
      killSwitch: answering("kill_switch", false),
    };
    const passes = await passesOf(sources, { graceMs: NEVER_MS });

    expect(passes).toHaveLength(1);
    expect(passes[0]).toMatchObject({
      isWhole: true,
      readings: {
        timescale: { source: "timescale", status: "read", value: true },
        redis: { source: "redis", status: "failed", error: { message: "redis: refused" } },
        killSwitch: { source: "kill_switch", status: "read", value: false },
      },
    });
  });

  test("of which one is slow is a part first, and then the whole", async () => {
    const slow = held("portfolio", { equity: 7 });
    const sources = { portfolio: slow.source, killSwitch: answering("kill_switch", true) };
    const passes = readAll(sources, GOES_ON, 1);

    const { value: part } = await passes.next();
    expect(part).toMatchObject({ isWhole: false });
    expect(part?.readings).toEqual({
      killSwitch: {
        source: "kill_switch",
        seconds: expect.any(Number),
        status: "read",
        value: true,
      },
    });
    slow.release();
    const { value: whole } = await passes.next();
    expect(whole).toMatchObject({
      isWhole: true,
      readings: { portfolio: { value: { equity: 7 } }, killSwitch: { value: true } },
    });
    // What was told once does not change afterwards.
    expect(Object.keys(part?.readings ?? {})).toEqual(["killSwitch"]);
    expect(await passes.next()).toEqual({ done: true, value: undefined });
  });

  test("that are all slow is each of them as it answers", async () => {
    const [first, second] = [held("timescale", true as const), held("redis", true as const)];
    const sources = {
      timescale: first.source,
      redis: second.source,
      appStart: hanging<number>("app", 3000),
    };
    const passes = readAll(sources, GOES_ON, 1);
    const part = passes.next();
    first.release();
    expect(Object.keys((await part).value?.readings ?? {})).toEqual(["timescale"]);
    const more = passes.next();
    second.release();
    expect(Object.keys((await more).value?.readings ?? {})).toEqual(["timescale", "redis"]);
    expect((await passes.next()).value).toMatchObject({
      isWhole: true,
      readings: { appStart: { status: "failed" } },
    });
  });

  test("of which one never answers ends at its own time, with what the others said", async () => {
    const sources = {
      redis: answering("redis", true as const),
      appStart: hanging<number>("app", 30),
    };
    const passes = await passesOf(sources, { graceMs: NEVER_MS });
    expect(passes).toMatchObject([
      {
        isWhole: true,
        readings: {
          redis: { status: "read" },
          appStart: { status: "failed", error: { message: "app: gave no answer within 30 ms" } },
        },
      },
    ]);
  });

  test("ends at once when it is told to stop, whoever hangs", async () => {
    const stop = new AbortController();
    const sources = {
      redis: answering("redis", true as const),
      portfolio: hanging<object>("portfolio"),
      killSwitch: hanging<boolean>("kill_switch"),
    };
    const passes = readAll(sources, stop.signal, 1);
    expect(await passes.next()).toMatchObject({ value: { isWhole: false } });
    stop.abort(new Error("enough"));
    expect(await passes.next()).toMatchObject({
      value: {
        isWhole: true,
        readings: {
          portfolio: { status: "failed", error: { message: "portfolio: enough" } },
          killSwitch: { status: "failed" },
        },
      },
    });
  });

  test("before the moment is over, when it is told to stop", async () => {
    const stop = new AbortController();
    const reading = passesOf({ redis: hanging<true>("redis") }, { stop: stop.signal });
    stop.abort(new Error("enough"));
    expect(await reading).toMatchObject([
      { isWhole: true, readings: { redis: { status: "failed" } } },
    ]);
  });

  test("of which there are none is a whole of nothing", async () => {
    expect(await passesOf({})).toEqual([{ isWhole: true, readings: {} }]);
  });

  test("tells them in the order of the configuration, whoever was first", async () => {
    const slow = held("portfolio", {});
    const reading = passesOf({ portfolio: slow.source, redis: answering("redis", true) });
    await new Promise(setImmediate);
    slow.release();
    const [whole] = await reading;
    expect(Object.keys(whole?.readings ?? {})).toEqual(["portfolio", "redis"]);
  });
});

async function passesOf(
  sources: ReporterSources,
  { graceMs = NEVER_MS, stop = GOES_ON }: { graceMs?: number; stop?: AbortSignal } = {},
): Promise<readonly ReadingPass[]> {
  const passes: ReadingPass[] = [];
  for await (const pass of readAll(sources, stop, graceMs)) passes.push(pass);
  return passes;
}
