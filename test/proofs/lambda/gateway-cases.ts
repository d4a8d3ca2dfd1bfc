import { afterEach, describe, expect, test } from "@jest/globals";
import { type Fault, startFaultProxy } from "../../support/fault-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { startGuardedGateway } from "../../support/guarded-gateway.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { note } from "./board.ts";
import {
  closeLater,
  closeScenes,
  DEFAULT,
  failuresIn,
  openScene,
  PATIENT,
  SSM_PATH,
  type Stage,
} from "./scene.ts";
import { filtered, openStream } from "./stream.ts";

const COMPLETION = { CLOSING_BELL_PUBLISH: "completion" };

/** The gateway is down, slow, or has another password; what the job returns is the same. */
export function gatewayCases(stage: () => Stage): void {
  const event = () => ({ pricesUrl: stage().prices.backtest });

  describe("a gateway", () => {
    afterEach(closeScenes);

    test("that is down: the job returns, CloudWatch hears of it, a later look publishes", async () => {
      const port = await freePort();
      const gateway = { url: new URL(`http://127.0.0.1:${port}`) };
      const scene = await openScene(stage(), { gateway });
      const stream = await openStream(scene);
      const backtest = scene.deploy("backtest", COMPLETION);
      const reporter = scene.deploy("reporter");
      const nothing = "nothing: EMF line";

      const ran = await backtest.invoke(event(), PATIENT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ job: "backtest", status: "publication_failed" }]);
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);
      note({ case: "gateway down", invocations: [ran], recorded, gateway: nothing });

      const looked = await reporter.invoke({}, PATIENT);
      expect(looked).toMatchObject({ status: "threw", body: { errorType: "PushError" } });
      expect(failuresIn(looked)).not.toEqual([]);
      const own = await scene.recorded();
      expect(own).toEqual(["failed (reporter)"]);
      note({
        case: "gateway down, reporter on its schedule",
        invocations: [looked],
        recorded: own,
        gateway: nothing,
      });

      const woken = await reporter.invoke({ Records: filtered(await stream.read()) }, PATIENT);
      expect(woken).toMatchObject({ status: "returned", body: { published: 0 } });
      expect(failuresIn(woken)).not.toEqual([]);
      const none = await scene.recorded();
      expect(none).toEqual([]);
      note({
        case: "gateway down, stream event",
        invocations: [woken],
        recorded: none,
        gateway: nothing,
      });

      const real = await startRealPushgateway({ port });
      const again = await reporter.invoke({}, PATIENT);
      expect(again.status).toBe("returned");
      expect(await scene.runs("backtest")).toBe(1);
      note({
        case: "gateway up again, reporter",
        invocations: [again],
        recorded: await scene.recorded(),
        gateway: "backtest 1 run",
      });
      await real.stop();
    });

    test("that never answers: the job returns within Lambda's default time", async () => {
      const real = await startRealPushgateway();
      let fault: Fault = { type: "pass" };
      const gateway = await startFaultProxy(real.url, () => fault);
      closeLater(gateway.close);
      const scene = await openScene(stage(), { gateway });
      const backtest = scene.deploy("backtest", COMPLETION);
      expect((await backtest.invoke(event(), PATIENT)).status).toBe("returned");
      expect(await scene.recorded()).toEqual(["succeeded"]);

      fault = { type: "stall" };
      const ran = await backtest.invoke(event(), DEFAULT);
      expect(ran.status).toBe("returned");
      expect(failuresIn(ran)).toMatchObject([{ job: "backtest", status: "publication_failed" }]);
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded"]);

      fault = { type: "pass" };
      expect(await scene.runs("backtest")).toBe(1);
      note({
        case: "gateway never answers, 3 s",
        invocations: [ran],
        recorded,
        gateway: "nothing more: EMF line",
      });

      const looked = await scene.deploy("reporter").invoke({}, PATIENT);
      expect(looked.status).toBe("returned");
      // Whoever gave up has let the lease go.
      expect(await scene.runs("backtest")).toBe(2);
      note({
        case: "gateway answers again, reporter",
        invocations: [looked],
        recorded: await scene.recorded(),
        gateway: "backtest 2 runs",
      });
    });

    test("whose password was changed is reached with the new one, in the same process", async () => {
      const gateway = await startGuardedGateway("bell:oldsecret");
      closeLater(gateway.close);
      const parameters = { "gateway-username": "bell", "gateway-password": "oldsecret" };
      const scene = await openScene(stage(), { gateway, parameters });
      const backtest = scene.deploy("backtest", COMPLETION);
      const reporter = scene.deploy("reporter");
      const runs = () => scene.runs("backtest", gateway.accepts);
      expect((await backtest.invoke(event(), PATIENT)).status).toBe("returned");
      expect((await reporter.invoke({}, PATIENT)).status).toBe("returned");
      expect(await runs()).toBe(1);
      await scene.recorded();

      gateway.accepts = "bell:newsecret";
      scene.parameters.parameters.set(`${SSM_PATH}/gateway-password`, "newsecret");
      const ran = await backtest.invoke(event(), PATIENT);
      expect(await runs()).toBe(2);
      const looked = await reporter.invoke({}, PATIENT);
      for (const invocation of [ran, looked]) {
        expect(invocation.status).toBe("returned");
        expect(invocation.initMs).toBeUndefined();
        expect(failuresIn(invocation)).toEqual([]);
        expect(invocation.logs.join()).not.toContain("secret");
      }
      note({
        case: "password rotated, job and reporter warm",
        invocations: [ran, looked],
        recorded: await scene.recorded(),
        gateway: "backtest 2 runs",
      });
    });
  });
}
