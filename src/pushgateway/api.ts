import type { HistogramSample, MetricFamily, SummarySample } from "../metrics/exposition/family.ts";
import { BUILD } from "./build.ts";
import { goFloat } from "./go-float.ts";
import { type Group, lastPushSucceeded, type Store, type StoredFamily } from "./store.ts";

/** Body of `/api/v1/metrics`: every group with its labels, one key per family. */
export function metricsResponse(store: Store): unknown {
  return { status: "success", data: [...store.values()].map(groupJson) };
}

/** Body of `/api/v1/status`. `startedAt` in seconds since the Unix epoch. */
export function statusResponse(startedAt: number, flags: Readonly<Record<string, string>>) {
  return {
    status: "success",
    data: {
      build_information: {
        ...BUILD,
        buildDate: "",
        buildUser: "",
        goVersion: "",
        revision: "",
      },
      flags,
      start_time: isoTime(startedAt),
    },
  };
}

function groupJson(group: Group): unknown {
  // Built from entries, since any metric name may come, `__proto__` and `labels` included: a
  // family named `labels` takes the place of the labels in the real gateway too.
  return Object.fromEntries<unknown>([
    ["labels", group.labels],
    ["last_push_successful", lastPushSucceeded(group)],
    ...[...group.families].map(([name, stored]) => [name, familyJson(stored)] as const),
  ]);
}

function familyJson({ family, pushedAt }: StoredFamily): unknown {
  return {
    time_stamp: isoTime(pushedAt),
    type: family.type.toUpperCase(),
    ...(family.help ? { help: family.help } : {}),
    metrics: samplesJson(family),
  };
}

function samplesJson(family: MetricFamily): unknown[] {
  switch (family.type) {
    case "histogram":
      return family.samples.map(histogramJson);
    case "summary":
      return family.samples.map(summaryJson);
    default:
      return family.samples.map(({ labels, value }) => ({ labels, value: goFloat(value) }));
  }
}

function histogramJson({ labels, buckets, count, sum }: HistogramSample): unknown {
  const counts = buckets.map(({ upperBound, cumulativeCount }) => [
    goFloat(upperBound),
    integer(cumulativeCount),
  ]);
  return { labels, buckets: Object.fromEntries(counts), count: integer(count), sum: goFloat(sum) };
}

function summaryJson({ labels, quantiles, count, sum }: SummarySample): unknown {
  const values = quantiles.map(({ quantile, value }) => [goFloat(quantile), goFloat(value)]);
  return {
    labels,
    quantiles: Object.fromEntries(values),
    count: integer(count),
    sum: goFloat(sum),
  };
}

/** All digits. 2^64 stands for the counts just below it, which a number cannot hold. */
function integer(count: number): string {
  return count < 2 ** 64 ? `${BigInt(count)}` : `${2n ** 64n - 1n}`;
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
