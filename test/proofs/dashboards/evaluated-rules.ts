import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { secondsOf } from "../../../src/mixin/schedule.ts";
import { shipped } from "../../prometheus/shipped.ts";
import type { ScrapeLog } from "./scrape-log.ts";
import type { Asked, Range, Store } from "./store.ts";
import { BEGIN, END } from "./times.ts";

export type RecordingRule = {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
};

export type AlertingRule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels?: Readonly<Record<string, string>>;
};

export type Rule = RecordingRule | AlertingRule;

/** Of an alert with its labels. */
export type Firing = {
  readonly alertname: string;
  readonly labels: Readonly<Record<string, string>>;
  /** From the first evaluation that found it firing to the last. */
  readonly from: number;
  readonly to: number;
};

export const EVALUATION_SECONDS = 60;

/** Rules as they ship. */
export function shippedRules(folder = shipped("prometheus/rules")): readonly Rule[] {
  const files = readdirSync(folder).sort();
  return files.flatMap((name) => {
    const { groups } = parse(readFileSync(join(folder, name), "utf8")) as {
      readonly groups: readonly { readonly rules: readonly Rule[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  });
}

export function isRecording(rule: Rule): rule is RecordingRule {
  return "record" in rule;
}

/**
 * Recording rules in layers: each needs only those before it. A Prometheus has a rule's result at the
 * next evaluation; promtool, which evaluates a whole day at a time, when the day is over.
 */
export function layers(rules: readonly Rule[]): readonly (readonly RecordingRule[])[] {
  const recording = rules.filter(isRecording);
  const names = new Set(recording.map(({ record }) => record));
  const done = new Set<string>();
  const all: (readonly RecordingRule[])[] = [];
  while (done.size < names.size) {
    const waiting = recording.filter(({ record }) => !done.has(record));
    const isReady = (name: string) =>
      waiting
        .filter(({ record }) => record === name)
        .every(({ expr }) =>
          [...names].every((other) => done.has(other) || !mentions(expr, other)),
        );
    const layer = waiting.filter(({ record }) => isReady(record));
    if (layer.length === 0) throw new Error("recording rules need each other");
    for (const { record } of layer) done.add(record);
    all.push(layer);
  }
  return all;
}

function mentions(expr: string, name: string): boolean {
  return new RegExp(`(?<![\\w:])${name}(?![\\w:])`).test(expr);
}

/** Adds to a store what recording rules come to over the day. */
export async function recordRules(store: Store, rules: readonly Rule[]): Promise<void> {
  for (const layer of layers(rules)) {
    const groups = [{ name: "day", rules: layer }];
    await store.importRules(stringify({ groups }), { start: BEGIN, end: END });
    await store.reopen();
  }
}

/** When rules were evaluated for the last time before a time. */
export async function lastEvaluation(
  asked: Asked,
  rules: readonly Rule[],
  before: number,
): Promise<number> {
  const constant = rules.filter(isRecording).find(({ expr }) => expr.startsWith("vector("));
  if (constant === undefined) throw new Error("no rule is always there");
  const [series] = await asked.instant(`max(timestamp(${constant.record}))`, before);
  const [sample] = series?.samples ?? [];
  if (sample === undefined) throw new Error(`${constant.record} was not recorded`);
  return sample.value;
}

/** What alerts do over the day, and the series that a Prometheus writes of it. */
export async function fireAlerts(
  asked: Asked,
  rules: readonly Rule[],
  log: ScrapeLog,
): Promise<readonly Firing[]> {
  const all: Firing[] = [];
  // In step with what is recorded, as rules of one group are.
  const end = await lastEvaluation(asked, rules, END);
  const start = end - Math.floor((end - BEGIN) / EVALUATION_SECONDS) * EVALUATION_SECONDS;
  const range = { start, end, step: EVALUATION_SECONDS };
  for (const rule of rules)
    if (!isRecording(rule)) all.push(...(await fire(asked, rule, range, log)));
  return all;
}

/**
 * promtool evaluates recording rules only, so here is what Prometheus does with an alert: pending for
 * its time, then firing, and on for a while when it is to be kept.
 */
async function fire(
  asked: Asked,
  rule: AlertingRule,
  range: Range,
  log: ScrapeLog,
): Promise<readonly Firing[]> {
  const { alert: alertname, expr } = rule;
  const holdSeconds = secondsOf(rule.for ?? "0s");
  const keepSeconds = secondsOf(rule.keep_firing_for ?? "0s");
  const firing: Firing[] = [];
  for (const { labels: found, samples } of await asked.range(expr, range)) {
    const { __name__, ...own } = found;
    const given = Object.entries(rule.labels ?? {}).map(([name, text]) => [
      name,
      expand(text, own),
    ]);
    const labels: Readonly<Record<string, string>> = { ...own, ...Object.fromEntries(given) };
    const times = new Set(samples.map(({ time }) => time));
    let activeAt: number | undefined;
    let firingFrom: number | undefined;
    let lastTrue = Number.NEGATIVE_INFINITY;
    const end = (to: number) => {
      if (firingFrom !== undefined) firing.push({ alertname, labels, from: firingFrom, to });
      activeAt = undefined;
      firingFrom = undefined;
    };
    for (let at = range.start; at <= range.end; at += range.step) {
      if (times.has(at)) lastTrue = at;
      const isKept = firingFrom !== undefined && at - lastTrue < keepSeconds;
      if (!times.has(at) && !isKept) {
        end(at - range.step);
        continue;
      }
      activeAt ??= at;
      if (at - activeAt >= holdSeconds) firingFrom ??= at;
      const alertstate = firingFrom === undefined ? "pending" : "firing";
      log.sample("ALERTS", { alertname, alertstate, ...labels }, 1, at);
      log.sample("ALERTS_FOR_STATE", { alertname, ...labels }, activeAt, at);
    }
    end(range.end);
  }
  return firing;
}

function expand(text: string, labels: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? "");
}
