import { formatGroupingKey } from "../../grouping-key.ts";
import type { DemoFacts, PlainDelivery } from "./steps.ts";

/** The facts of the demo as a person reads them: every line a claim that can be checked. */
export function renderFacts(facts: DemoFacts): string {
  const { gateway, data, backtest, scrape, failure, outage } = facts;
  const { result } = backtest;
  const shown = scrape.lines.filter((line) => !line.includes("_bucket{"));
  return [
    `1/7 gateway   ${gateway.url}  ${gateway.embedded ? "(embedded, for development; keeps nothing)" : "(yours)"}`,
    `2/7 data      S&P 500 daily prices, ${data.from} to ${data.to}, ${data.rows} rows`,
    `3/7 backtest  ${backtest.strategy}: ${result.trades} trades, final value ${usd(result.finalValue)}, return ${percent(result.totalReturnPct)}, max drawdown ${percent(result.maxDrawdownPct)}, kill switch tripped ${result.killSwitchTrips} times, in ${backtest.seconds.toFixed(2)} s`,
    `4/7 push      ${describe(backtest.push)}`,
    `5/7 scrape    what Prometheus sees, ${scrape.series} series (${scrape.buckets} histogram buckets not shown):`,
    ...shown.map((line) => `      ${line}`),
    `6/7 failure   the job throws: ${describe(failure.push)}`,
    `              its error is rethrown as it was   ${verdict(failure.errorIsTheJobsOwn)}`,
    `              the gateway shows the failure     ${verdict(failure.failureOnTheGateway)}`,
    `              the last success is still there   ${verdict(failure.lastSuccessKept)}`,
    `7/7 outage    the gateway is gone: ${describe(outage.push)}`,
    `              the job succeeds all the same     ${verdict(outage.jobSucceeded)}`,
    "",
    facts.ok
      ? "Next: set PUSHGATEWAY_URL to your gateway and put `closing-bell run -j NAME --` in front of a job."
      : "Something above is not as it should be.",
    "",
  ].join("\n");
}

function describe({ status, verb, groupingKey, series, seconds, error }: PlainDelivery): string {
  if (status !== "delivered" || groupingKey === undefined) return `not delivered, ${error}`;
  const took = `${((seconds ?? 0) * 1000).toFixed(0)} ms`;
  return `${verb} ${formatGroupingKey(groupingKey)}, ${series} series, confirmed in ${took}`;
}

function verdict(holds: boolean): string {
  return holds ? "ok" : "NO";
}

function usd(amount: number): string {
  return `${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} USD`;
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}
