import { type AiOutcome, aiCatalogue, type TokenType } from "./ai-catalogue.ts";
import { catalogue } from "./catalogue.ts";
import { currentMetricSet } from "./current.ts";
import { finite } from "./instruments/value.ts";
import type { MetricSet } from "./metric-set.ts";
import { report, stopwatch } from "./report.ts";

/** What the usage of one answer comes to. */
export type AiSpending = {
  /** Counts that do not overlap; absent ones are 0. */
  readonly tokens: Readonly<Partial<Record<TokenType, number>>>;
  /** Prices may have to be loaded first. Handled by whoever made it: nobody may ask for it. */
  readonly cost: Promise<AiCost>;
};

export type AiCost = {
  /** Estimate at list price, of what has a known price; absent when nothing has. */
  readonly usd?: number;
  /** Whether `usd` is the whole cost. */
  readonly isWhole: boolean;
  /** The list that the estimate was made with; absent for prices of the user's own. */
  readonly priceList?: PriceList;
};

export type PriceList = { readonly name: string; readonly version: string };

/** One request to a model, from its start to its end. Nothing that is told to it throws. */
export type AiRequest = {
  /** Takes what the caller knows of the cost in USD; it wins over what usage comes to. */
  bill(usd: number): void;
  isBilled(): boolean;
  /**
   * Takes usage that came back. A request may come to several: the calls of a tool loop. What comes
   * after the end is added all the same.
   */
  spend(spending: AiSpending): void;
  hasSpent(): boolean;
  /** Counts the request now, and not at its end: the provider has answered, and will charge. */
  arrived(): void;
  /** Ends the request. Only the first call counts. */
  end(outcome: AiOutcome): void;
  hasEnded(): boolean;
  /** Notes in the run that pays what could not be accounted for. */
  refuse(error: unknown): void;
  /** The same of usage that came back and cannot be: the cost is not whole then. */
  refuseUsage(error: unknown): void;
};

/** Opens a request to a model, paid by the run it is opened in, wherever its answer arrives. */
export function openAiRequest(model: string): AiRequest {
  const metrics = currentMetricSet();
  const elapsed = stopwatch();
  const labels = { model_name: model };
  const spendings: AiSpending[] = [];
  let isBilled = false;
  let isWhole = true;
  let hasArrived = false;
  let hasEnded = false;

  const update = (change: (set: MetricSet) => void) => report(change, metrics);
  const arrived = () => {
    if (hasArrived) return;
    hasArrived = true;
    update((set) => set.get(catalogue.aiApiRequestsTotal).inc(labels));
  };
  const pay = (owed: readonly AiSpending[]) => {
    for (const { tokens } of owed) update((set) => countTokens(set, model, tokens));
    if (isBilled) return;
    if (owed.length > 0) metrics.expect(payFor(metrics, model, { spendings: owed, isWhole }));
    else if (!isWhole) countUnpriced(metrics, model);
  };
  return {
    bill(usd) {
      try {
        metrics.get(catalogue.aiApiCostUsdTotal).inc(labels, finite(usd));
        isBilled = true;
      } catch (error) {
        metrics.refuse(error);
      }
    },
    isBilled: () => isBilled,
    spend(spending) {
      spendings.push(spending);
      if (hasEnded) pay([spending]);
    },
    hasSpent: () => spendings.length > 0,
    arrived,
    end(outcome) {
      if (hasEnded) return;
      hasEnded = true;
      // One that was never answered cost nothing that is known, and likely nothing.
      if (spendings.length === 0) isWhole &&= !hasArrived && outcome !== "succeeded";
      arrived();
      update((set) => set.get(aiCatalogue.aiApiRequestOutcomesTotal).inc({ ...labels, outcome }));
      update((set) => set.get(catalogue.aiApiLatencySeconds).observe(labels, elapsed()));
      pay([...spendings]);
    },
    hasEnded: () => hasEnded,
    refuse: (error) => metrics.refuse(error),
    refuseUsage(error) {
      isWhole = false;
      metrics.refuse(error);
    },
  };
}

/**
 * Counts usage that has no call of its own, such as one result of a batch: its latency would mix
 * with that of calls that somebody waited for.
 */
export function recordSpending(model: string, spending: AiSpending): void {
  const metrics = currentMetricSet();
  const labels = { model_name: model };
  report((set) => {
    set.get(catalogue.aiApiRequestsTotal).inc(labels);
    set.get(aiCatalogue.aiApiRequestOutcomesTotal).inc({ ...labels, outcome: "succeeded" });
    countTokens(set, model, spending.tokens);
  }, metrics);
  metrics.expect(payFor(metrics, model, { spendings: [spending], isWhole: true }));
}

function countTokens(set: MetricSet, model: string, tokens: AiSpending["tokens"]): void {
  const family = set.get(aiCatalogue.aiApiTokensTotal);
  for (const [type, count] of Object.entries(tokens)) {
    family.inc({ model_name: model, token_type: type as TokenType }, count);
  }
}

type Owed = {
  readonly spendings: readonly AiSpending[];
  /** Whether they are all that the request used. */
  readonly isWhole: boolean;
};

/** Adds the cost of one request; what of it is not known makes the request an unpriced one. */
async function payFor(metrics: MetricSet, model: string, { spendings, isWhole }: Owed) {
  let isPaid = isWhole;
  for (const { cost } of spendings) {
    try {
      const known = await cost;
      addCost(metrics, model, known);
      isPaid &&= known.isWhole;
    } catch (error) {
      metrics.refuse(error);
      isPaid = false;
    }
  }
  if (!isPaid) countUnpriced(metrics, model);
}

function countUnpriced(metrics: MetricSet, model: string): void {
  const unpriced = aiCatalogue.aiApiUnpricedRequestsTotal;
  report((set) => set.get(unpriced).inc({ model_name: model }), metrics);
}

function addCost(set: MetricSet, model: string, { usd, priceList }: AiCost): void {
  if (usd === undefined) return;
  set.get(catalogue.aiApiCostUsdTotal).inc({ model_name: model }, finite(usd));
  if (priceList === undefined) return;
  const { name, version } = priceList;
  set.get(aiCatalogue.aiPricingInfo).set({ package: name, version }, 1);
}
