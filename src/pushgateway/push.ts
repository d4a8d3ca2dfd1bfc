import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import { inconsistency, seriesText } from "./consistency.ts";
import { refusal } from "./refusals.ts";
import type { GroupLabels } from "./request-path.ts";
import { changed, groupId, PUSH_FAILURE_TIME, type Store } from "./store.ts";

export type Push = {
  readonly kind: "replace" | "merge";
  readonly group: Exclude<GroupLabels, { problem: string }>;
  readonly families: readonly MetricFamily[];
  /** Names of the families whose help text is not UTF-8. */
  readonly badHelp: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly at: number;
};

export type PushResult = {
  readonly store: Store;
  /** Why the push was refused; absent when it was stored. */
  readonly problem?: string;
};

const PREFIX = "pushed metrics are invalid or inconsistent with existing metrics: ";

/**
 * Tries a push on a copy of the store. One that is refused leaves its trace there, the group with
 * the time of the failure, unless that trace itself would break the scrape.
 */
export function pushed(store: Store, push: Push): PushResult {
  const { kind, group, families, at } = push;
  const { labels } = group;
  const broken = brokenGroup(store, group);
  if (broken !== undefined) return { store, problem: `${PREFIX}${broken}` };

  const next = changed(store, { kind, labels, families, at });
  const problem = families.some(hasTimestamp)
    ? "pushed metrics must not have timestamps"
    : inconsistency(next, groupId(labels));
  if (problem !== undefined) {
    const failed = changed(store, { kind: "failed", labels, at });
    return { store: failed, problem: `${PREFIX}${problem}` };
  }
  const harmful = harmfulFamily(store, push);
  return harmful === undefined ? { store: next } : { store, problem: `${PREFIX}${harmful}` };
}

/** A group that breaks the scrape by being there, even with nothing but the bookkeeping in it. */
function brokenGroup(store: Store, { labels, notUtf8 }: Push["group"]): string | undefined {
  if (notUtf8 !== undefined) return `${notUtf8} is ${refusal("label-not-utf8").what}`;
  const twin = twinOf(labels);
  if (twin === undefined || !store.has(groupId(twin))) return undefined;
  return `${seriesText("", labels)} is ${refusal("twin-group").what}`;
}

/** A family that the gateway's own check lets pass. */
function harmfulFamily(store: Store, push: Push): string | undefined {
  const { group, families, badHelp } = push;
  if (badHelp[0] !== undefined) return `${badHelp[0]} has ${refusal("help-not-utf8").what}`;
  const histogram = families.find(({ type }) => type === "histogram");
  if (Object.hasOwn(group.labels, "le") && histogram !== undefined) {
    return `${histogram.name} is ${refusal("le-in-group").what}`;
  }
  const isOwn = families.some(({ name }) => name === PUSH_FAILURE_TIME);
  if (isOwn && store.has(groupId(group.labels))) return refusal("own-failure-time").what;
  return undefined;
}

/** The other group whose series would be the same, since an absent instance is added as empty. */
function twinOf(labels: LabelSet): LabelSet | undefined {
  const { instance, ...rest } = labels;
  if (instance === undefined) return { ...labels, instance: "" };
  if (instance !== "") return undefined;
  return rest;
}

function hasTimestamp({ samples }: MetricFamily): boolean {
  return samples.some(({ timestampMs }) => timestampMs !== undefined);
}
