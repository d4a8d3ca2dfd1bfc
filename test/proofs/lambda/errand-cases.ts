import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Errand } from "../../support/lambda-fixtures.ts";
import type { LambdaFunction } from "../../support/lambda-runtime.ts";
import { note } from "./board.ts";
import { closeScenes, DEFAULT, openScene, PATIENT, type Scene, type Stage } from "./scene.ts";

/** What a body does, whatever the job, and what Lambda does to it. */
export function errandCases(stage: () => Stage): void {
  describe("an errand", () => {
    let scene: Scene;
    let errands: LambdaFunction;
    let reporter: LambdaFunction;

    beforeAll(async () => {
      scene = await openScene(stage());
      errands = scene.deploy("errands");
      reporter = scene.deploy("reporter");
    });
    afterAll(closeScenes);

    const does = (errand: Errand, options = PATIENT) => errands.invoke(errand, options);

    /** The next look of the reporter takes what was recorded to the gateway. */
    async function onGateway() {
      const recorded = await scene.recorded();
      const { status } = await reporter.invoke({}, PATIENT);
      expect(status).toBe("returned");
      expect(await scene.recorded()).toEqual(["succeeded (reporter)"]);
      const runs = async (outcome: string) =>
        (await scene.shown("batch_job_runs_total", { job: "errands", outcome })) ?? 0;
      const counted = {
        succeeded: await runs("succeeded"),
        failed: await runs("failed"),
        timed_out: await runs("timed_out"),
        analyses: (await scene.shown("agent_analyses_total", { job: "errands" })) ?? 0,
        coldStarts: (await scene.shown("closing_bell_cold_starts_total", { job: "errands" })) ?? 0,
      };
      return { recorded, counted };
    }

    /** What changed on the gateway, in words and as numbers. */
    let before: Awaited<ReturnType<typeof onGateway>>["counted"] | undefined;
    async function growth() {
      const { recorded, counted } = await onGateway();
      const names = Object.keys(counted) as (keyof typeof counted)[];
      const grown = Object.fromEntries(
        names
          .map((name) => [name, counted[name] - (before?.[name] ?? 0)] as const)
          .filter(([, by]) => by !== 0),
      );
      before = counted;
      const gateway = Object.entries(grown).map(([name, by]) => `${name} +${by}`);
      return { recorded, grown, gateway: gateway.join(", ") || "nothing more" };
    }

    test("in a new process, and in one that is warm", async () => {
      const cold = await does({ does: "returns" });
      expect(cold).toMatchObject({ status: "returned", body: "done" });
      expect(cold.initMs).toBeGreaterThan(0);
      const first = await growth();
      expect(first.recorded).toEqual(["succeeded"]);
      expect(first.grown).toEqual({ succeeded: 1, analyses: 1, coldStarts: 1 });
      note({ case: "cold", invocations: [cold], ...first });

      const warm = await does({ does: "returns" });
      expect(warm).toMatchObject({ status: "returned", body: "done" });
      expect(warm.initMs).toBeUndefined();
      const second = await growth();
      expect(second.grown).toEqual({ succeeded: 1, analyses: 1 });
      note({ case: "warm", invocations: [warm], ...second });
    });

    test("that comes twice counts once", async () => {
      const monday: Errand = { does: "returns", runId: "monday" };
      const pending = [await does(monday), await does(monday)];
      const once = await growth();
      expect(once.recorded).toEqual(["succeeded"]);
      expect(once.grown).toEqual({ succeeded: 1, analyses: 1 });
      note({ case: "same event twice in a row", invocations: pending, ...once });

      const again = await does(monday);
      const later = await growth();
      expect(later.grown).toEqual({});
      note({
        case: "same event once more, after it was published",
        invocations: [again],
        ...later,
      });

      const tuesday: Errand = { does: "returns", runId: "tuesday" };
      const atOnce = await Promise.all([does(tuesday), does(tuesday)]);
      expect(atOnce.map(({ status }) => status)).toEqual(["returned", "returned"]);
      expect(errands.warm()).toBe(2);
      const both = await growth();
      // The new process's start too, if it was the first to be recorded.
      expect(both.grown).toMatchObject({ succeeded: 1, analyses: 1 });
      note({ case: "same event twice at once, in two processes", invocations: atOnce, ...both });
    });

    test("that throws fails as it would alone, and is recorded", async () => {
      const thrown = await does({ does: "throws" });
      expect(thrown).toMatchObject({
        status: "threw",
        body: { errorType: "RangeError", errorMessage: "the market is closed" },
      });
      const seen = await growth();
      expect(seen.grown).toEqual({ failed: 1, analyses: 1 });
      note({ case: "throws", invocations: [thrown], ...seen });
    });

    test("that overruns Lambda's default time is recorded before Lambda ends it", async () => {
      const heeding = await does({ does: "heeds its signal" }, DEFAULT);
      expect(heeding).toMatchObject({ status: "threw", body: { errorType: "TimeoutError" } });
      expect(heeding.usedMs).toBeGreaterThan(2000);
      const heeded = await growth();
      expect(heeded.recorded).toEqual(["timed_out"]);
      expect(heeded.grown).toEqual({ timed_out: 1, analyses: 1 });
      note({ case: "overruns 3 s and heeds its signal", invocations: [heeding], ...heeded });

      const late = await does({ does: "takes its time", forMs: 2500 }, DEFAULT);
      expect(late).toMatchObject({ status: "returned", body: "done" });
      const told = await growth();
      expect(told.recorded).toEqual(["timed_out"]);
      expect(told.grown).toEqual({ timed_out: 1, analyses: 1 });
      note({ case: "ends after its watchdog, before 3 s", invocations: [late], ...told });

      const deaf = await does({ does: "ignores its signal" }, DEFAULT);
      expect(deaf).toMatchObject({ status: "killed", body: undefined });
      const watched = await growth();
      expect(watched.recorded).toEqual(["timed_out"]);
      expect(watched.grown).toEqual({ timed_out: 1, analyses: 1 });
      note({ case: "overruns 3 s and ignores its signal", invocations: [deaf], ...watched });

      const idle = await does({ does: "waits for nothing" }, DEFAULT);
      // Who is first, Node or Lambda, is no matter.
      expect(["crashed", "killed"]).toContain(idle.status);
      const ended = await growth();
      expect(ended.recorded).toEqual(["timed_out"]);
      expect(ended.grown).toMatchObject({ timed_out: 1, analyses: 1 });
      note({ case: "waits for nothing: Node ends itself", invocations: [idle], ...ended });
    });

    test("that leaves nobody a turn, or ends the process, is in no ledger", async () => {
      const blocking = await does({ does: "blocks" }, { timeoutMs: 1000 });
      expect(blocking).toMatchObject({ status: "killed", body: undefined });
      const blocked = await growth();
      expect(blocked.recorded).toEqual([]);
      expect(blocked.grown).toEqual({});
      note({ case: "blocks the event loop: lost", invocations: [blocking], ...blocked });

      const exiting = await does({ does: "exits" });
      expect(exiting).toMatchObject({ status: "crashed", body: undefined });
      const exited = await growth();
      expect(exited.recorded).toEqual([]);
      expect(exited.grown).toEqual({});
      note({ case: "calls process.exit: lost", invocations: [exiting], ...exited });

      const next = await does({ does: "returns" });
      expect(next.initMs).toBeGreaterThan(0);
      const seen = await growth();
      expect(seen.grown).toEqual({ succeeded: 1, analyses: 1, coldStarts: 1 });
      note({ case: "the next one, in a new process", invocations: [next], ...seen });
    });

    test("with 500 ms left appends its record and returns in time", async () => {
      await does({ does: "returns" });
      await growth();
      const short = await does({ does: "returns" }, { timeoutMs: 500 });
      expect(short).toMatchObject({ status: "returned", body: "done" });
      const seen = await growth();
      expect(seen.recorded).toEqual(["succeeded"]);
      expect(seen.grown).toEqual({ succeeded: 1, analyses: 1 });
      note({ case: "500 ms left", invocations: [short], ...seen });
    });

    test("goes on with nothing once it has answered, for it is frozen", async () => {
      await does({ does: "leaves work behind" });
      await sleep(1000);
      const { body } = await does({ does: "leaves work behind" });
      // 200 times, if it were not.
      expect(Number(body)).toBeLessThan(20);
      await growth();
    });

    test("after a freeze, in which all connections were closed", async () => {
      const invocations = [];
      const recorded: string[] = [];
      for (let round = 0; round < 5; round++) {
        await scene.relays.table.hangUp();
        await scene.relays.gateway.hangUp();
        const thawed = await does({ does: "returns" });
        expect(thawed.initMs).toBeUndefined();
        expect(thawed).toMatchObject({ status: "returned", body: "done" });
        invocations.push(thawed);
        recorded.push(...(await scene.recorded()));
        const looked = await reporter.invoke({}, PATIENT);
        expect(looked.status).toBe("returned");
        expect(looked.initMs).toBeUndefined();
        await scene.recorded();
      }
      const { grown, gateway } = await growth();
      expect(recorded).toEqual(Array(5).fill("succeeded"));
      expect(grown).toEqual({ succeeded: 5, analyses: 5 });
      note({ case: "frozen, connections closed meanwhile", invocations, recorded, gateway });
    });

    test("is counted once each, however many run at once", async () => {
      const invocations = [];
      for (let round = 0; round < 3; round++) {
        invocations.push(
          ...(await Promise.all(Array.from({ length: 4 }, () => does({ does: "returns" })))),
        );
      }
      expect(errands.warm()).toBe(4);
      const cold = invocations.filter(({ initMs }) => initMs !== undefined).length;
      const seen = await growth();
      expect(seen.recorded).toHaveLength(12);
      expect(seen.grown).toEqual({ succeeded: 12, analyses: 12, coldStarts: cold });
      note({ case: "four at once, three times, in four processes", invocations, ...seen });
    });
  });
}
