import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { renderFacts } from "./demo/print.ts";
import { openStage } from "./demo/stage.ts";
import {
  type DemoFacts,
  failOnce,
  loadPrices,
  retryOnce,
  runAgain,
  runAndPublish,
  runWithoutGateway,
  scrapeGroup,
  wipeAndHeal,
} from "./demo/steps.ts";
import { EXIT, type Io, UsageError } from "./io.ts";
import type { GatewayFlags } from "./target.ts";

export type DemoFlags = GatewayFlags & { readonly prices?: string };

/**
 * The whole way, on real prices: a run, its totals, a scrape, a second run, a retry, a failure, a
 * gateway that loses its memory, and one that is not there.
 */
export async function demo(flags: DemoFlags, io: Io): Promise<number> {
  const pricesUrl = flags.prices === undefined ? bundledPrices() : urlOf(flags.prices, io);
  const facts = await play(flags, pricesUrl, io);
  if (flags.json) io.out(`${JSON.stringify(facts)}\n`);
  else if (!flags.quiet) io.out(renderFacts(facts));
  return facts.ok ? EXIT.done : EXIT.failed;
}

async function play(flags: DemoFlags, pricesUrl: URL, io: Io): Promise<DemoFacts> {
  const stage = await openStage(flags, io);
  try {
    const data = await loadPrices(pricesUrl);
    const backtest = await runAndPublish(stage, pricesUrl);
    const scrape = await scrapeGroup(stage);
    const again = await runAgain(stage, pricesUrl);
    const retry = await retryOnce(stage, pricesUrl);
    const failure = await failOnce(stage);
    const wiped = await wipeAndHeal(stage);
    const outage = await runWithoutGateway(stage, pricesUrl);
    const ok =
      backtest.delivery.publication?.status === "published" &&
      scrape.series > 0 &&
      again.totalsAdd &&
      retry.countedOnce &&
      failure.errorIsTheJobsOwn &&
      failure.failureCounted &&
      failure.lastSuccessKept &&
      wiped.wholeAgain &&
      outage.jobSucceeded &&
      outage.delivery.publication?.status === "failed" &&
      outage.countedLater;
    const { client, embedded, ledger } = stage;
    const gateway = { url: client.gateway, embedded };
    const steps = { data, backtest, scrape, again, retry, failure, wiped, outage };
    return { gateway, ledger, ...steps, ok };
  } finally {
    await stage.close();
  }
}

/**
 * Daily S&P 500 prices of the npm package vega-datasets, a development dependency: nothing says
 * under which licence the file itself is, so it is read where npm put it and never copied.
 */
function bundledPrices(): URL {
  try {
    const entry = createRequire(import.meta.url).resolve("vega-datasets");
    return pathToFileURL(join(entry, "..", "..", "data", "sp500-2000.csv"));
  } catch (cause) {
    throw new UsageError(
      "the demo's prices come with a clone (npm ci installs vega-datasets); elsewhere give --prices FILE",
      { cause },
    );
  }
}

/** A URL as it is, anything else as a path. */
function urlOf(prices: string, { cwd }: Io): URL {
  return URL.canParse(prices) ? new URL(prices) : pathToFileURL(resolve(cwd, prices));
}
