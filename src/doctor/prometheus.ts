import type { GatewayAddress } from "../gateway-url.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { Check, Finding } from "./check.ts";
import { type DoctorContext, failed, ok, skipped, warning } from "./context.ts";
import type { NamedGateway } from "./gateway-server.ts";
import { query, readConfiguration, readTargets, type ScrapeTarget } from "./prometheus-api.ts";
import { scrapeConfigs } from "./scrape-configs.ts";

/** How this gateway is scraped. */
type Scraping = { readonly prometheus: GatewayAddress; readonly targets: readonly ScrapeTarget[] };

/** How Prometheus scrapes this gateway. `scrape` is what it exposes, if that could be read. */
export function checkPrometheus(
  context: DoctorContext,
  named: Check<NamedGateway>,
  scrape: Check<readonly MetricFamily[]>,
): void {
  const { check, prometheus, settings } = context;
  if (prometheus === undefined) {
    check("prometheus.honor-labels", {}, () =>
      skipped("give --prometheus URL to have it looked at"),
    );
    return;
  }
  const scraping = check("prometheus.target", { named }, ({ named }) =>
    findScraping(context, prometheus, named, scrape),
  );
  check("prometheus.honor-labels", { scraping }, async ({ scraping }) =>
    checkHonorLabels(scraping, await readConfiguration(context, prometheus)),
  );
  check("prometheus.scrape-interval", { scraping }, ({ scraping }): Finding => {
    const { scrapeIntervalSeconds } = settings;
    return scrapeIntervalSeconds === undefined
      ? skipped("needs config")
      : checkInterval(scraping, scrapeIntervalSeconds.value);
  });
}

async function findScraping(
  context: DoctorContext,
  prometheus: GatewayAddress,
  { baseUrl }: NamedGateway,
  scrape: Check<readonly MetricFamily[]>,
): Promise<Finding<Scraping>> {
  const all = await readTargets(context, prometheus);
  const atUrl = all.filter(({ url }) => isSamePlace(url, `${baseUrl}/metrics`));
  const targets =
    atUrl.length > 0 ? atUrl : await findByStartTime(context, prometheus, all, scrape);
  const value = { prometheus, targets };
  const down = targets.find(({ health }) => health === "down");
  if (down !== undefined) {
    const message = `${prometheus.base} cannot scrape ${describe(down)}: ${down.lastError}; until it can, no alert sees what is pushed`;
    return { status: "failed", message, value };
  }
  if (targets.length > 0) {
    const [named] = targets.map(describe);
    const isNew = targets.every(({ health }) => health !== "up");
    return isNew
      ? warning(
          `${prometheus.base} has ${named} and has not scraped it yet: try again in a minute`,
          value,
        )
      : ok(`${prometheus.base} scrapes ${named}`, value);
  }
  const urls = all.slice(0, LISTED).map(({ url }) => url);
  const others =
    all.length === 0
      ? "nothing at all"
      : [...urls, ...(all.length > LISTED ? ["others"] : [])].join(", ");
  return {
    ...warning(
      `could not tell that ${prometheus.base} scrapes this gateway: it scrapes ${others}, and of none it is sure ` +
        `that it is ${baseUrl}; add a scrape job for it, with honor_labels: true`,
    ),
    without: "could not tell which target of Prometheus this gateway is",
  };
}

/** Longest list of targets in a message. */
const LISTED = 3;

function isSamePlace(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => (URL.canParse(text) ? new URL(text) : undefined));
  return a !== undefined && a.origin === b?.origin && a.pathname === b.pathname;
}

/**
 * Prometheus may know the gateway by another name. Then it is told by when its process started: what
 * it says itself is what Prometheus scraped from one of its targets.
 */
async function findByStartTime(
  context: DoctorContext,
  prometheus: GatewayAddress,
  all: readonly ScrapeTarget[],
  scrape: Check<readonly MetricFamily[]>,
): Promise<readonly ScrapeTarget[]> {
  const started = startTimeOf((await scrape.outcome).value ?? []);
  if (started === undefined || all.length === 0) return [];
  const series = await query(
    context,
    prometheus,
    "process_start_time_seconds and on (job, instance) pushgateway_build_info",
  );
  const same = series.filter(({ value }) => value === started);
  return all.filter(({ labels: { job, instance } }) =>
    same.some(({ labels }) => labels["job"] === job && labels["instance"] === instance),
  );
}

/** Of the gateway's own process: what was pushed carries a job. */
function startTimeOf(families: readonly MetricFamily[]): number | undefined {
  const family = families.find(({ name }) => name === "process_start_time_seconds");
  if (family?.type !== "gauge") return undefined;
  return family.samples.find(({ labels }) => Object.keys(labels).length === 0)?.value;
}

function describe({ url, scrapeJob }: ScrapeTarget): string {
  return `${url} (scrape job ${JSON.stringify(scrapeJob)})`;
}

/** Without it Prometheus puts its own `job` and `instance` over those that were pushed. */
function checkHonorLabels({ prometheus, targets }: Scraping, yaml: string): Finding {
  const configs = scrapeConfigs(yaml);
  const jobs = [...new Set(targets.map(({ scrapeJob }) => scrapeJob))];
  const ignoring = jobs.filter((job) => configs.get(job)?.honorLabels === false);
  if (ignoring.length > 0) {
    return failed(
      `the scrape job ${namesText(ignoring)} of ${prometheus.base} does not honor labels: it shows job="nightly" as ` +
        `exported_job="nightly", and no rule or dashboard finds it; add honor_labels: true to it`,
    );
  }
  const unclear = jobs.filter((job) => configs.get(job)?.honorLabels === undefined);
  if (unclear.length > 0) {
    return warning(
      `could not tell whether the scrape job ${namesText(unclear)} honors labels: it is not in the configuration that ` +
        `${prometheus.base} shows, or not readable there; see that it has honor_labels: true`,
    );
  }
  return ok(`the scrape job ${namesText(jobs)} has honor_labels: true`);
}

function namesText(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

/** New series are held at 0 for two intervals: of those that Prometheus has, not of shorter ones. */
function checkInterval({ targets }: Scraping, configured: number): Finding {
  const intervals = targets.flatMap(({ intervalSeconds }) => intervalSeconds ?? []);
  if (intervals.length === 0) return skipped("Prometheus does not say how often it scrapes");
  const actual = Math.max(...intervals);
  if (configured === 0)
    return ok(`every ${actual} s; new series are not held at 0 (scrapeIntervalSeconds is 0)`);
  return actual > configured
    ? warning(
        `every ${actual} s, but scrapeIntervalSeconds is ${configured}: new series would show their values before ` +
          `their 0 was scraped, and increase() misses them; set CLOSING_BELL_SCRAPE_INTERVAL=${actual}`,
      )
    : ok(`every ${actual} s, and scrapeIntervalSeconds is ${configured}`);
}
