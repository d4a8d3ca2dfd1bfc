import { afterEach, describe, expect, test } from "@jest/globals";
import { replay } from "../../../src/ledger/replay.ts";
import { type Fault, startFaultProxy } from "../../support/fault-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { refusal } from "../../support/parameter-store.ts";
import { note } from "./board.ts";
import {
  closeLater,
  closeScenes,
  DEFAULT,
  failuresIn,
  openScene,
  PATIENT,
  type Stage,
} from "./scene.ts";
import { filtered, openStream } from "./stream.ts";

const COMPLETION = { CLOSING_BELL_PUBLISH: "completion" };

const NOTHING = "nothing: EMF line";

/** SSM or DynamoDB is down or slow, or the configuration is none; what the job returns is the same. */
export function serviceCases(stage: () => Stage): void {
  const event = () => ({ pricesUrl: stage().prices.backtest });
  const downAt = async () => `http://127.0.0.1:${await freePort()}`;

  describe("SSM", () => {
    afterEach(closeScenes);

    test("that is down: the job returns and is recorded, a look publishes", async () => {
      const scene = await openScene(stage());
      const stream = await openStream(scene);
      const environment = { ...COMPLETION, AWS_ENDPOINT_URL_SSM: await downAt() };
      const ran = await scene.deploy("backtest", environment).invoke(event(), PATIENT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ status: "publication_refused" }]);
      expect(failuresIn(ran)[0].error).toMatch(/^SSM parameters .*ECONNREFUSED/);
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      note({ case: "SSM down", invocations: [ran], recorded, gateway: NOTHING });

      const reporter = scene.deploy("reporter", environment);
      const looked = await reporter.invoke({}, PATIENT);
      expect(looked).toMatchObject({ status: "threw", body: { errorType: "ConfigError" } });
      expect(failuresIn(looked)).not.toEqual([]);
      const woken = await reporter.invoke({ Records: filtered(await stream.read()) }, PATIENT);
      expect(woken).toMatchObject({ status: "returned", body: { published: 0 } });
      expect(failuresIn(woken)).not.toEqual([]);
      expect(await scene.runs("backtest")).toBe(0);
      note({
        case: "SSM down, reporter: schedule, stream event",
        invocations: [looked, woken],
        recorded: await scene.recorded(),
        gateway: NOTHING,
      });

      const seeing = await scene.deploy("reporter").invoke({}, PATIENT);
      expect(seeing.status).toBe("returned");
      expect(await scene.runs("backtest")).toBe(1);
      note({
        case: "a reporter that reaches SSM",
        invocations: [seeing],
        recorded: await scene.recorded(),
        gateway: "backtest 1 run",
      });
    });

    test("that throttles: the job returns and is recorded, and shown when it no longer does", async () => {
      const scene = await openScene(stage());
      const backtest = scene.deploy("backtest", COMPLETION);
      const reporter = scene.deploy("reporter");
      scene.parameters.refusal = refusal("ThrottlingException", "Rate exceeded");
      const ran = await backtest.invoke(event(), PATIENT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ status: "publication_refused" }]);
      const looked = await reporter.invoke({}, PATIENT);
      expect(looked).toMatchObject({ status: "threw", body: { errorType: "ConfigError" } });
      const recorded = await scene.recorded();
      expect(recorded).toContain("succeeded");
      expect(await scene.runs("backtest")).toBe(0);
      note({
        case: "SSM throttles, job and reporter",
        invocations: [ran, looked],
        recorded,
        gateway: NOTHING,
      });

      scene.parameters.refusal = undefined;
      const next = await backtest.invoke(event(), PATIENT);
      expect(await scene.runs("backtest")).toBe(2);
      const seeing = await reporter.invoke({}, PATIENT);
      for (const invocation of [next, seeing]) {
        expect(invocation.status).toBe("returned");
        expect(invocation.initMs).toBeUndefined();
        expect(failuresIn(invocation)).toEqual([]);
      }
      note({
        case: "SSM answers again, both warm",
        invocations: [next, seeing],
        recorded: await scene.recorded(),
        gateway: "backtest 2 runs",
      });
    });

    test("that never answers: job and reporter end within Lambda's default time", async () => {
      const scene = await openScene(stage());
      const stream = await openStream(scene);
      // What was fetched is kept, so it is refused until the processes are warm.
      const throttled = refusal("ThrottlingException", "Rate exceeded");
      let fault: Fault = { type: "answer", ...throttled };
      const parameters = await startFaultProxy(scene.parameters.url, () => fault);
      closeLater(parameters.close);
      const environment = { ...COMPLETION, AWS_ENDPOINT_URL_SSM: parameters.url.origin };
      const backtest = scene.deploy("backtest", environment);
      const reporter = scene.deploy("reporter", environment);
      await backtest.invoke(event(), PATIENT);
      await reporter.invoke({}, PATIENT);
      await scene.recorded();

      fault = { type: "stall" };
      const ran = await backtest.invoke(event(), DEFAULT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toHaveLength(1);
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      note({ case: "SSM never answers, 3 s", invocations: [ran], recorded, gateway: NOTHING });

      const looked = await reporter.invoke({}, DEFAULT);
      expect(looked).toMatchObject({ status: "threw", body: { errorType: "TimeoutError" } });
      expect(failuresIn(looked)).not.toEqual([]);
      const woken = await reporter.invoke({ Records: filtered(await stream.read()) }, DEFAULT);
      expect(woken).toMatchObject({ status: "returned", body: { published: 0 } });
      expect(failuresIn(woken)).not.toEqual([]);
      expect(await scene.runs("backtest")).toBe(0);
      note({
        case: "SSM never answers, 3 s, reporter: schedule, stream event",
        invocations: [looked, woken],
        recorded: await scene.recorded(),
        gateway: NOTHING,
      });
    });
  });

  describe("a table", () => {
    afterEach(closeScenes);

    test.each<{ what: string; fault: Fault; options: typeof DEFAULT }>([
      { what: "that is down", fault: { type: "answer", status: 500 }, options: PATIENT },
      { what: "that never answers, 3 s", fault: { type: "stall" }, options: DEFAULT },
    ])("$what: the whole record is in the log, to be replayed", async ({ what, ...trouble }) => {
      let fault: Fault = { type: "pass" };
      const table = await startFaultProxy(stage().dynamodb.url, () => fault);
      closeLater(table.close);
      const scene = await openScene(stage());
      const environment = { AWS_ENDPOINT_URL_DYNAMODB: table.url.origin };
      const backtest = scene.deploy("backtest", environment);
      await backtest.invoke(event(), PATIENT);
      expect(await scene.recorded()).toEqual(["succeeded"]);

      fault = trouble.fault;
      const ran = await backtest.invoke(event(), trouble.options);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ job: "backtest", status: "logged" }]);
      expect(await scene.recorded()).toEqual([]);
      const { records, problems } = await replay(ran.logs, scene.ledger);
      expect({ records, problems }).toMatchObject({
        records: [{ status: "appended" }],
        problems: [],
      });
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      const looked = await scene.deploy("reporter").invoke({}, PATIENT);
      expect(looked.status).toBe("returned");
      expect(await scene.runs("backtest")).toBe(2);
      note({
        case: `table ${what}: replayed from the log, then a look`,
        invocations: [ran, looked],
        recorded,
        gateway: "backtest 2 runs",
      });
    });
  });

  describe("a configuration", () => {
    afterEach(closeScenes);

    test("that cannot be read: the job returns, CloudWatch hears of it", async () => {
      const scene = await openScene(stage(), { configuration: { ledgre: "dynamodb:other" } });
      const ran = await scene.deploy("backtest").invoke(event(), PATIENT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ job: "backtest", status: "refused" }]);
      const recorded = await scene.recorded();
      expect(recorded).toEqual([]);
      note({
        case: "closing-bell.json with a mistake",
        invocations: [ran],
        recorded,
        gateway: NOTHING,
      });
    });
  });
}
