import type { LabelSet, MetricFamily } from "../../src/metrics/exposition/family.ts";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";

/** What Prometheus would get from a gateway, or from any `/metrics`. */
export async function scrape(base: URL): Promise<readonly MetricFamily[]> {
  const response = await fetch(new URL("/metrics", base));
  return parseExposition(await response.text());
}

/** Values of a job's gauges and counters by name, labels of the series included, groups' left out. */
export async function scrapeJob(
  base: URL,
  { job, ...group }: LabelSet,
): Promise<Readonly<Record<string, number>>> {
  const wanted = Object.entries({ job, ...group, instance: group["instance"] ?? "" });
  const values: Record<string, number> = {};
  for (const family of await scrape(base)) {
    if (family.type === "histogram" || family.type === "summary") continue;
    for (const { labels, value } of family.samples) {
      if (!wanted.every(([name, expected]) => labels[name] === expected)) continue;
      const own = Object.entries(labels).filter(([name]) => !wanted.some(([key]) => key === name));
      const text = own.map(([name, of]) => `${name}=${JSON.stringify(of)}`).join(",");
      values[text === "" ? family.name : `${family.name}{${text}}`] = value;
    }
  }
  return values;
}
