/** The analysis as a function: an event names tickers and where their prices are. */
import { createParameterStore } from "../config/ssm/parameter-store.ts";
import { trackAiRequest } from "../default-pricing.ts";
import { type AnalysisInput, prepareAnalysis } from "../jobs/analysis.ts";
import { reportingHandler } from "../lambda.ts";
import { deployedAgent } from "./deployed-agent.ts";
import { loadAtInit } from "./load-at-init.ts";

export type AnalysisEvent = AnalysisInput & {
  /** Names the unit of work, e.g. the time that a schedule meant: its success counts once. */
  readonly runId?: string;
};

loadAtInit(import("../config/ssm/ssm-client.ts"));

const agent = deployedAgent({ env: process.env, store: createParameterStore(), trackAiRequest });

export const handler = reportingHandler(
  {
    job: "analysis",
    groupingKey: { strategy: agent.model, mode: "paper" },
    runId: ({ runId }: AnalysisEvent) => runId,
  },
  ({ runId: _, ...input }: AnalysisEvent, _context, { signal }) => {
    agent.prepare();
    return prepareAnalysis(input, agent)(signal);
  },
);
