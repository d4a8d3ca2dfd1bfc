import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PENDING } from "../../../src/ledger/dynamodb/keys.ts";
import type { LambdaFunction } from "../../support/lambda-runtime.ts";
import { note } from "./board.ts";
import { closeScenes, openScene, PATIENT, type Scene, type Stage } from "./scene.ts";
import { filtered, openStream, type Stream, type StreamRecord } from "./stream.ts";

/** Rounds after which what has not come to rest never will. */
const ENDLESS = 6;

/** The stream of the ledger's table wakes the reporter. */
export function streamCases(stage: () => Stage): void {
  describe("the table's stream", () => {
    let scene: Scene;
    let stream: Stream;
    let backtest: LambdaFunction;
    let reporter: LambdaFunction;

    beforeAll(async () => {
      scene = await openScene(stage());
      stream = await openStream(scene);
      backtest = scene.deploy("backtest");
      reporter = scene.deploy("reporter");
    });
    afterAll(closeScenes);

    const event = () => ({ pricesUrl: stage().prices.backtest });

    test("publishes a job's record when it is appended, and records no run of its own", async () => {
      const ran = await backtest.invoke(event(), PATIENT);
      expect(ran.status).toBe("returned");
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      expect(await scene.runs("backtest")).toBe(0);
      // Whoever only appends asks SSM for nothing.
      expect(scene.parameters.calls).toHaveLength(0);

      const records = filtered(await stream.read());
      expect(records).toHaveLength(1);
      const woken = await reporter.invoke({ Records: records }, PATIENT);
      expect(woken).toMatchObject({ status: "returned", body: { published: 1 } });
      expect(await scene.runs("backtest")).toBe(1);
      expect(await scene.recorded()).toEqual([]);
      note({
        case: "backtest, then its record's stream event",
        invocations: [ran, woken],
        recorded,
        gateway: "backtest 1 run, at once",
      });
    });

    test("publishes a record that was appended with 500 ms left", async () => {
      const ran = await backtest.invoke(event(), { timeoutMs: 500 });
      expect(ran.status).toBe("returned");
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      const woken = await reporter.invoke({ Records: filtered(await stream.read()) }, PATIENT);
      expect(await scene.runs("backtest")).toBe(2);
      note({
        case: "backtest with 500 ms left, then the stream event",
        invocations: [ran, woken],
        recorded,
        gateway: "backtest 2 runs",
      });
    });

    test("that names a group twice, and one that was published, publishes it once more", async () => {
      await backtest.invoke(event(), PATIENT);
      await backtest.invoke(event(), PATIENT);
      const recorded = await scene.recorded();
      const batch = { Records: filtered(await stream.read()) };
      expect(batch.Records).toHaveLength(2);
      const woken = [
        await reporter.invoke(batch, PATIENT),
        // At least once: the same batch may come again.
        await reporter.invoke(batch, PATIENT),
      ];
      expect(woken.map(({ body }) => body)).toMatchObject([{ published: 1 }, {}]);
      expect(await scene.runs("backtest")).toBe(4);
      note({
        case: "a batch of two records, delivered twice",
        invocations: woken,
        recorded,
        gateway: "backtest 4 runs",
      });
    });

    test.each([
      { by: "its filter and the function's guard", source: filtered, isGuarded: true },
      { by: "its filter alone", source: filtered, isGuarded: false },
      { by: "the function's guard alone", source: unfiltered, isGuarded: true },
    ])("comes to rest by $by", async ({ by, source, isGuarded }) => {
      const { rounds, ...seen } = await feedBack(source, isGuarded);
      expect(rounds).toBeLessThan(ENDLESS);
      note({ case: `what it writes comes back: ${by}`, ...seen, gateway: restOf(rounds) });
    });

    test("would never come to rest without either", async () => {
      const { rounds, ...seen } = await feedBack(unfiltered, false);
      expect(rounds).toBe(ENDLESS);
      expect(seen.recorded.length).toBeGreaterThanOrEqual(ENDLESS);
      note({ case: "what it writes comes back: without either", ...seen, gateway: restOf(rounds) });
    });

    /**
     * A look and a backtest, then the reporter for what this wrote, and so on until nothing is left.
     *
     * @param isGuarded false: the function does not know the stream, and takes its event for any other.
     */
    async function feedBack(source: typeof unfiltered, isGuarded: boolean) {
      await stream.read();
      await reporter.invoke({}, PATIENT);
      const invocations = [await backtest.invoke(event(), PATIENT)];
      const recorded: string[] = [];
      for (let rounds = 0; ; rounds++) {
        const records = await stream.read();
        recorded.push(...records.filter(isAppended).map(({ dynamodb }) => jobOf(dynamodb)));
        const passed = source(records);
        if (passed.length === 0 || rounds === ENDLESS) return { rounds, invocations, recorded };
        const eventSource = isGuarded ? "aws:dynamodb" : "something else";
        const Records = passed.map((record) => ({ ...record, eventSource }));
        invocations.push(await reporter.invoke({ Records }, PATIENT));
      }
    }
  });
}

function unfiltered(records: readonly StreamRecord[]): readonly StreamRecord[] {
  return records;
}

function isAppended({ eventName, dynamodb }: StreamRecord): boolean {
  return eventName === "INSERT" && dynamodb.Keys.sk.S.startsWith(PENDING);
}

function jobOf({ Keys }: StreamRecord["dynamodb"]): string {
  return `run of ${/job="(\w+)"/.exec(Keys.pk.S)?.[1]}`;
}

function restOf(rounds: number): string {
  return rounds < ENDLESS ? `at rest after ${rounds}` : `no rest after ${rounds}`;
}
