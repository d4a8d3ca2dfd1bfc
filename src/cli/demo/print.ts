import type { DemoFacts, PlainDelivery } from "./steps.ts";

/** The facts of the demo as a person reads them: every line a claim that can be checked. */
export function renderFacts(facts: DemoFacts): string {
  const { gateway, ledger, data, backtest, scrape, again, retry, failure, wiped, outage } = facts;
  const { result } = backtest;
  const shown = scrape.lines.filter((line) => !line.includes("_bucket{"));
  return [
    `1/9 gateway   ${gateway.url}  ${gateway.embedded ? "(embedded, for development; keeps nothing)" : "(yours)"}`,
    `    ledger    ${ledger}  ${gateway.embedded ? "(temporary)" : ""}`.trimEnd(),
    `2/9 data      S&P 500 daily prices, ${data.from} to ${data.to}, ${data.rows} rows`,
    `3/9 backtest  ${backtest.strategy}: ${result.trades} trades, final value ${usd(result.finalValue)}, return ${percent(result.totalReturnPct)}, max drawdown ${percent(result.maxDrawdownPct)}, kill switch tripped ${result.killSwitchTrips} times, in ${backtest.seconds.toFixed(2)} s`,
    `              ${describe(backtest.delivery)}`,
    `4/9 scrape    what Prometheus sees, ${scrape.series} series (${scrape.buckets} histogram buckets not shown):`,
    ...shown.map((line) => `      ${line}`),
    `5/9 again     the same strategy once more: ${again.before.trades} trades became ${again.after.trades}, ${again.before.succeeded} runs ${again.after.succeeded}`,
    `              the totals are those of both runs ${verdict(again.totalsAdd)}`,
    `6/9 retry     the same work executed twice under one run id: ${describe(retry.second)}`,
    `              it counts once                    ${verdict(retry.countedOnce)}`,
    `7/9 failure   the job throws: ${describe(failure.delivery)}`,
    `              its error is rethrown as it was   ${verdict(failure.errorIsTheJobsOwn)}`,
    `              it is counted as failed           ${verdict(failure.failureCounted)}`,
    `              the last success is still there   ${verdict(failure.lastSuccessKept)}`,
    `8/9 wiped     the gateway ${gateway.embedded ? "restarts empty" : "loses the group"}; closing-bell publish`,
    `              it is whole again                 ${verdict(wiped.wholeAgain)}`,
    `9/9 outage    no gateway: ${describe(outage.delivery)}`,
    `              the job succeeds all the same     ${verdict(outage.jobSucceeded)}`,
    `              the next publish brings its counts ${verdict(outage.countedLater)}`,
    "",
    facts.ok
      ? "Next: set PUSHGATEWAY_URL to your gateway and put `closing-bell run -j NAME --` in front of a job."
      : "Something above is not as it should be.",
    "",
  ].join("\n");
}

function describe({ status, group, publication, error }: PlainDelivery): string {
  if (group === undefined || publication === undefined) return `${status}, ${error}`;
  const { status: fate, version, series, seconds = 0 } = publication;
  const done = status === "already_counted" ? "counted before" : "recorded";
  if (fate === "published") {
    return `${done}; published ${group}, ${series} series, version ${version}, confirmed in ${(seconds * 1000).toFixed(0)} ms`;
  }
  return `${done}; ${publication.error === undefined ? fate : `not published: ${publication.error}`}`;
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
