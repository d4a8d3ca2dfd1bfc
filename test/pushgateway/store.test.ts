import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { inconsistency } from "../../src/pushgateway/consistency.ts";
import { pushed } from "../../src/pushgateway/push.ts";
import {
  type Change,
  changed,
  emptyStore,
  groupId,
  PUSH_FAILURE_TIME,
  PUSH_TIME,
  type Store,
} from "../../src/pushgateway/store.ts";

const BOOKKEEPING = [PUSH_FAILURE_TIME, PUSH_TIME];

const labels = fc.constantFrom(
  { job: "a" },
  { job: "b" },
  { job: "a", mode: "live" },
  { mode: "paper", job: "a" },
);

const sample = fc.record({
  labels: fc.constantFrom({}, { x: "1" }, { x: "2" }, { job: "body" }),
  value: fc.integer({ min: 0, max: 9 }),
});

const families: fc.Arbitrary<MetricFamily[]> = fc.uniqueArray(
  fc.record({
    type: fc.constantFrom("counter", "gauge"),
    name: fc.constantFrom("m", "n", "o"),
    samples: fc.array(sample, { minLength: 1, maxLength: 3 }),
  }),
  { selector: ({ name }) => name, maxLength: 3 },
);

const push = fc.record({
  kind: fc.constantFrom("replace", "merge"),
  labels,
  families,
  at: fc.integer({ min: 1, max: 1000 }),
});

const change: fc.Arbitrary<Change> = fc.oneof(
  push,
  fc.record({ kind: fc.constant("delete"), labels }),
  fc.record({ kind: fc.constant("failed"), labels, at: fc.integer({ min: 1, max: 1000 }) }),
);

const store = fc
  .array(change, { maxLength: 8 })
  .map((changes) => changes.reduce<Store>((before, next) => changed(before, next), emptyStore));

const namesIn = (stored: Store, id: string) => [...(stored.get(id)?.families.keys() ?? [])].sort();
const own = (names: readonly string[]) => names.filter((name) => !BOOKKEEPING.includes(name));

describe("a change", () => {
  test("never touches another group", () => {
    fc.assert(
      fc.property(store, change, (before, next) => {
        const after = changed(before, next);
        const id = groupId(next.labels);
        for (const [other, group] of before) if (other !== id) expect(after.get(other)).toBe(group);
      }),
    );
  });

  test("leaves the store it started from as it was", () => {
    fc.assert(
      fc.property(store, change, (before, next) => {
        const groups = [...before].map(([id, { families: stored }]) => [id, [...stored]]);
        changed(before, next);
        expect([...before].map(([id, { families: stored }]) => [id, [...stored]])).toEqual(groups);
      }),
    );
  });

  test("by PUT leaves the families it names, by POST the others too, and always the bookkeeping", () => {
    fc.assert(
      fc.property(store, push, (before, next) => {
        const id = groupId(next.labels);
        const after = changed(before, next);
        const named = next.families.map(({ name }) => name);
        const kept = next.kind === "merge" ? own(namesIn(before, id)) : [];
        expect(namesIn(after, id)).toEqual(
          [...new Set([...kept, ...named, ...BOOKKEEPING])].sort(),
        );
        for (const family of next.families) {
          const stored = after.get(id)?.families.get(family.name)?.family;
          expect(stored?.samples.map(({ labels: all }) => all)).toEqual(
            family.samples.map(({ labels: given }) => {
              const all = { instance: "", ...given, ...next.labels };
              return Object.fromEntries(Object.entries(all).sort());
            }),
          );
        }
      }),
    );
  });

  test("that failed changes no data", () => {
    fc.assert(
      fc.property(store, labels, (before, group) => {
        const id = groupId(group);
        const after = changed(before, { kind: "failed", labels: group, at: 7 });
        for (const name of own(namesIn(after, id))) {
          expect(after.get(id)?.families.get(name)).toBe(before.get(id)?.families.get(name));
        }
        expect(own(namesIn(after, id))).toEqual(own(namesIn(before, id)));
      }),
    );
  });

  test("is the same whatever the order of the group's labels", () => {
    expect(groupId({ job: "a", mode: "live" })).toBe(groupId({ mode: "live", job: "a" }));
    expect(groupId({ job: "a" })).not.toBe(groupId({ job: "a", mode: "" }));
  });
});

test("after any pushes, the store can be scraped as a whole", () => {
  fc.assert(
    fc.property(fc.array(push, { maxLength: 12 }), (pushes) => {
      let current: Store = emptyStore;
      for (const { labels: group, ...rest } of pushes) {
        const before = current;
        const result = pushed(current, { ...rest, group: { labels: group }, badHelp: [] });
        current = result.store;
        if (result.problem !== undefined) {
          expect(own(namesIn(current, groupId(group)))).toEqual(
            own(namesIn(before, groupId(group))),
          );
        }
        for (const id of current.keys()) expect(inconsistency(current, id)).toBeUndefined();
      }
    }),
  );
});
