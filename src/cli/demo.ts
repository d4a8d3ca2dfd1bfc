import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readConfig } from "../config/config.ts";
import { createPushClient, type PushClient } from "../push/client.ts";
import { startPushgateway } from "../pushgateway/server.ts";
import { renderFacts } from "./demo/print.ts";
import {
  type DemoFacts,
  failOnce,
  loadPrices,
  runAndPush,
  runWithoutGateway,
  scrapeGroup,
} from "./demo/steps.ts";
import { EXIT, type Io, UsageError } from "./io.ts";
import { clientOf, type GatewayFlags, sourcesOf } from "./target.ts";

export type DemoFlags = GatewayFlags & { readonly prices?: string };

/** The whole way, on real prices: a run, a push, a scrape, a failure, an outage. */
export async function demo(flags: DemoFlags, io: Io): Promise<number> {
  const pricesUrl = flags.prices === undefined ? bundledPrices() : urlOf(flags.prices, io);
  const facts = await play(flags, pricesUrl, io);
  if (flags.json) io.out(`${JSON.stringify(facts)}\n`);
  else if (!flags.quiet) io.out(renderFacts(facts));
  return facts.ok ? EXIT.done : EXIT.failed;
}

async function play(flags: DemoFlags, pricesUrl: URL, io: Io): Promise<DemoFacts> {
  const configured = readConfig(sourcesOf(flags, io)).gateway !== undefined;
  // Stopped at the end to be the gateway that is gone; until then it is the demo's own, if need be.
  const embedded = await startPushgateway({});
  const lost = createPushClient({ url: embedded.url });
  const client: PushClient = configured ? clientOf(flags, io) : lost;
  try {
    const data = await loadPrices(pricesUrl);
    const backtest = await runAndPush(client, pricesUrl);
    const scrape = await scrapeGroup(client);
    const failure = await failOnce(client);
    await embedded.close();
    const outage = await runWithoutGateway(lost, pricesUrl);
    const ok =
      backtest.push.status === "delivered" &&
      scrape.series > 0 &&
      failure.errorIsTheJobsOwn &&
      failure.failureOnTheGateway &&
      failure.lastSuccessKept &&
      outage.jobSucceeded &&
      outage.push.status === "failed";
    const gateway = { url: client.gateway, embedded: !configured };
    return { gateway, data, backtest, scrape, failure, outage, ok };
  } finally {
    client.close();
    lost.close();
    await embedded.close();
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
