import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { serve } from "../../support/http-server.ts";
import { type MessagesApi, startMessagesApi } from "../../support/messages-api.ts";
import { note } from "./board.ts";
import {
  closeLater,
  closeScenes,
  openScene,
  PATIENT,
  type Scene,
  SSM_PATH,
  type Stage,
} from "./scene.ts";

const MODEL = "claude-haiku-4-5";

/** The deployed functions when all goes well. */
export function functionCases(stage: () => Stage): void {
  describe("the function", () => {
    let scene: Scene;
    let api: MessagesApi;

    beforeAll(async () => {
      const account = '{"equity":1000.5,"cash":250}';
      const broker = await serve((_request, response) => response.end(account));
      closeLater(broker.close);
      api = await startMessagesApi();
      closeLater(api.close);
      const fields = { equity: "equity", cash: "cash" };
      const portfolio = { type: "http", url: broker.url.href, fields };
      scene = await openScene(stage(), {
        parameters: { "anthropic-api-key": "sk-of-tests" },
        configuration: { sources: { mode: "paper", portfolio } },
      });
    });
    afterAll(closeScenes);

    test("backtest, cold and warm, reports its trades when it publishes for itself", async () => {
      const backtest = scene.deploy("backtest", { CLOSING_BELL_PUBLISH: "completion" });
      const event = { pricesUrl: stage().prices.backtest };
      const group = { job: "backtest", mode: "backtest", strategy: "momentum-20d" };
      for (const run of [1, 2]) {
        const ran = await backtest.invoke(event, PATIENT);
        expect(ran.status).toBe("returned");
        expect(ran.initMs !== undefined).toBe(run === 1);
        const shown = await scene.shown("batch_job_runs_total", { ...group, outcome: "succeeded" });
        expect(shown).toBe(run);
        const value = await scene.shown("portfolio_total_value", group);
        expect(value).toBe((ran.body as { readonly finalValue: number }).finalValue);
        note({
          case: `backtest that publishes for itself, ${run === 1 ? "cold" : "warm"}`,
          invocations: [ran],
          recorded: await scene.recorded(),
          gateway: `backtest ${shown} succeeded, worth ${value?.toFixed(2)} USD`,
        });
      }
      expect(scene.parameters.calls).toHaveLength(1);
    });

    test("analysis decides by rules without a key", async () => {
      const analysis = scene.deploy("analysis");
      const event = { tickers: ["SPX"], pricesUrl: stage().prices.analysis };
      const ran = await analysis.invoke(event, PATIENT);
      expect(ran).toMatchObject({ status: "returned", body: { model: "rules-sma-20-50" } });
      const looked = await look();
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded", "succeeded (reporter)"]);
      const group = { job: "analysis", mode: "paper", strategy: "rules-sma-20-50" };
      expect(await scene.shown("agent_analyses_total", group)).toBe(1);
      note({
        case: "analysis by rules, then a look",
        invocations: [ran, looked],
        recorded,
        gateway: "analysis 1 analysis by rules",
      });
    });

    test("analysis asks a model, with a key out of SSM that is fetched beside the prices", async () => {
      const before = scene.parameters.calls.length;
      const decision = { action: "BUY", conviction: 0.75, reason: "Up." };
      const usage = { input_tokens: 1000, output_tokens: 100 };
      api.script({ type: "message", content: JSON.stringify(decision), usage });
      const analysis = scene.deploy("analysis", {
        ANTHROPIC_API_KEY_PARAMETER: `${SSM_PATH}/anthropic-api-key`,
        ANTHROPIC_BASE_URL: api.url,
        ANTHROPIC_MODEL: MODEL,
      });
      const event = { tickers: ["SPX"], pricesUrl: stage().prices.analysis };
      const ran = await analysis.invoke(event, PATIENT);
      expect(ran).toMatchObject({ status: "returned", body: { model: MODEL, failures: [] } });
      expect(api.requests[0]?.headers["x-api-key"]).toBe("sk-of-tests");
      const [call] = scene.parameters.calls.slice(before);
      expect(call).toMatchObject({ names: [`${SSM_PATH}/anthropic-api-key`], decrypts: true });
      expect(JSON.stringify(ran)).not.toContain("sk-of-tests");
      const looked = await look();
      const recorded = await scene.recorded();
      expect(recorded).toEqual(["succeeded", "succeeded (reporter)"]);
      const cost = await scene.shown("ai_api_cost_usd_total", { job: "analysis", strategy: MODEL });
      // 1 USD per million tokens in, 5 out.
      expect(cost).toBe(0.0015);
      note({
        case: "analysis by a model, key from SSM, then a look",
        invocations: [ran, looked],
        recorded,
        gateway: `analysis ${cost} USD spent`,
      });
    });

    test("reporter pushes the portfolio's figures and records its looks", async () => {
      const looked = await look();
      expect(looked.body).toMatchObject({ series: expect.any(Number) });
      const labels = { job: "portfolio_reporter", mode: "paper" };
      expect(await scene.shown("portfolio_total_value", labels)).toBe(1000.5);
      expect(await scene.shown("portfolio_cash", labels)).toBe(250);
      const own = { job: "closing_bell_reporter", outcome: "succeeded" };
      const runs = await scene.shown("batch_job_runs_total", own);
      expect(runs).toBe(looks);
      note({
        case: "reporter on its schedule",
        invocations: [looked],
        recorded: await scene.recorded(),
        gateway: `portfolio_reporter 1000.50 USD, closing_bell_reporter ${runs} runs`,
      });
    });

    let looks = 0;
    let reporter: ReturnType<Scene["deploy"]> | undefined;
    async function look() {
      reporter ??= scene.deploy("reporter");
      const looked = await reporter.invoke({}, PATIENT);
      expect(looked.status).toBe("returned");
      looks++;
      return looked;
    }
  });
}
