import { rmSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { buildSync } from "esbuild";
import { recordAiUsage } from "../../src/ai.ts";
import { createInstrumentAnthropic } from "../../src/ai-pricing/anthropic.ts";
import type { SpendingOf } from "../../src/ai-pricing/spending.ts";
import type { RunReport } from "../../src/publish/delivery.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { exposedCounts } from "../metrics/exposed.ts";
import { createGate, type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import type { Answer } from "../support/messages-api-send.ts";
import {
  bareClient,
  collect,
  figuresOf,
  MODEL,
  metered,
  meteredClient,
  ONE,
  params,
  spendingOf,
  USAGE,
} from "./metered.ts";
import { runProgram } from "./run-program.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

/** USD per million tokens in and out, of the price list. */
const PRICES = {
  "claude-haiku-4-5": [1, 5],
  "claude-opus-4-5": [5, 25],
  "claude-3-7-sonnet-20250219": [3, 15],
  "claude-3-haiku-20240307": [0.25, 1.25],
} as const;

const MODELS = Object.keys(PRICES) as (keyof typeof PRICES)[];

describe("runs at the same time", () => {
  test("each pay exactly for their own of 100 requests, half of them streamed", async () => {
    await api.close();
    const total = 100;
    api = await startMessagesApi({
      async answer({ body }): Promise<Answer> {
        // All are under way before the first one is answered.
        await api.arrival(total - 1);
        const output_tokens = Number(body?.["max_tokens"]);
        const usage = { input_tokens: output_tokens * 7, output_tokens };
        return { type: body?.["stream"] === true ? "stream" : "message", usage };
      },
    });
    const client = meteredClient(api);
    const run = async (first: number) => {
      const calls = Array.from({ length: total / 2 }, (_, index) => {
        const model = MODELS[index % MODELS.length] ?? MODEL;
        return { model, output: first + index };
      });
      const { set } = await metered(() =>
        Promise.all(
          calls.map(async ({ model, output }, index) => {
            const asked = { ...params, model, max_tokens: output };
            if (index % 2 === 0) return client.messages.create(asked);
            return collect(await client.messages.create({ ...asked, stream: true }));
          }),
        ),
      );
      return { set, calls };
    };

    const runs = await Promise.all([run(100), run(3000)]);

    for (const { set, calls } of runs) {
      for (const model of MODELS) {
        const own = calls.filter((call) => call.model === model);
        const output = own.reduce((sum, call) => sum + call.output, 0);
        const [inPrice, outPrice] = PRICES[model];
        expect(figuresOf(set, model)).toEqual({
          requests: own.length,
          succeeded: own.length,
          latencies: own.length,
          usd: expect.closeTo((output * 7 * inPrice + output * outPrice) / 1e6, 12),
          tokens: { input: output * 7, output },
        });
      }
    }
  });
});

describe("a run", () => {
  test.each([
    { name: "a message", answer: { type: "message", usage: USAGE } },
    { name: "a stream", answer: { type: "stream", usage: USAGE } },
  ] as const)("whose last act is $name reports what it cost", async ({ answer }) => {
    api.script(answer);
    const gate = createGate();
    // As when the price list is not loaded yet.
    const slowly: SpendingOf = (...asked) => {
      const { tokens, cost } = spendingOf(...asked);
      return { tokens, cost: gate.opened.then(() => cost) };
    };
    const client = createInstrumentAnthropic(slowly)(bareClient(api));
    const reports: RunReport[] = [];
    const { runJob } = createRunJob({
      delivery: async (report) => {
        reports.push(report);
        return { status: "pushed" } as never;
      },
    });

    await runJob({ job: "analysis" }, async () => {
      if (answer.type === "message") await client.messages.create(params);
      else await client.messages.stream(params).finalMessage();
      setImmediate(gate.open);
    });

    const results = reports.flatMap((one) => (one.type === "completion" ? one.results : []));
    expect(figuresOf({ families: () => results })).toEqual({ ...ONE, failed: 0, aborted: 0 });
  });
});

describe("the result of a batch", () => {
  test("is recorded at half the price, without a latency", async () => {
    api.script(
      { type: "batch", counts: { succeeded: 1, expired: 1 } },
      {
        type: "batch-results",
        results: [
          { customId: "a", type: "succeeded", message: { model: MODEL, usage: USAGE } },
          { customId: "b", type: "expired" },
        ],
      },
    );
    const client = meteredClient(api);

    const { set, figures } = await metered(async () => {
      for await (const line of await client.messages.batches.results("msgbatch_1")) {
        if (line.result.type === "succeeded") recordAiUsage(MODEL, line);
      }
    });

    const { latencies: _, ...unwaited } = ONE;
    expect(figures).toEqual({ ...unwaited, usd: 0.001 });
    expect(exposedCounts(set).join("\n")).not.toContain("latency");
  });

  test("that has no usage is refused and counted as nothing else", async () => {
    const { figures } = await metered(() => recordAiUsage(MODEL, { result: { type: "expired" } }));

    expect(figures).toEqual({ refused: 1 });
  });
});

describe("the price list", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "closing-bell-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test.each([
    { what: "nothing", isLoaded: false },
    { what: "no-usage", isLoaded: false },
    { what: "own-cost", isLoaded: false },
    { what: "usage", isLoaded: true },
  ])("is loaded by a job whose request tells $what: $isLoaded", async ({ what, isLoaded }) => {
    const program = splitProgram("ai-pricing/tracking.ts");

    const printed = await runProgram(program, [what], { NODE_V8_COVERAGE: folder });

    expect(printed).toBe({ usage: "0.002", "own-cost": "0.5" }[what] ?? "none");
    const scripts = await loadedScripts(folder);
    expect(scripts.filter((url) => url.includes("/ai-pricing-split/"))).not.toEqual([]);
    expect(scripts.some((url) => url.includes("genai-prices"))).toBe(isLoaded);
  });
});

/** Bundles a program as packages are loaded in production: from where they are installed, when needed. */
function splitProgram(entry: string): string {
  const outdir = fileURLToPath(new URL("../../.cache/bundles/ai-pricing-split", import.meta.url));
  buildSync({
    entryPoints: { program: fileURLToPath(new URL(`../${entry}`, import.meta.url)) },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "warning",
  });
  return join(outdir, "program.mjs");
}

/** Of Node's own record of what it loaded. */
async function loadedScripts(folder: string): Promise<readonly string[]> {
  const [record = ""] = await readdir(folder);
  const { result } = JSON.parse(await readFile(join(folder, record), "utf8"));
  return (result as { readonly url: string }[]).map(({ url }) => url);
}
