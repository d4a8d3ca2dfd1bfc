import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { createMetricSet, type MetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

describe("an update that is still being worked out", () => {
  type Update = { done: () => void; fail: (error: unknown) => void; promise: Promise<void> };

  function update(): Update {
    let [done, fail]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
    const promise = new Promise<void>((resolve, reject) => {
      [done, fail] = [resolve, reject];
    });
    return { done, fail, promise };
  }

  test("keeps a set from being settled until it has been made", async () => {
    const set = createMetricSet();
    expect(set.isSettled()).toBe(true);
    await set.settled();
    const [one, other] = [update(), update()];
    set.expect(one.promise);
    set.expect(other.promise);
    let isOver = false;
    const settled = set.settled().then(() => {
      isOver = true;
    });
    one.done();
    await turn();
    expect([set.isSettled(), isOver]).toEqual([false, false]);
    other.done();
    await settled;
    expect([set.isSettled(), isOver]).toEqual([true, true]);
    expect(set.families()).toEqual([]);
  });

  test("that rejects is refused, and the set is settled all the same", async () => {
    const set = createMetricSet();
    set.expect(Promise.reject(new Error("no price")));
    set.expect(Promise.reject(Object.create(null)));
    await set.settled();
    expect(set.isSettled()).toBe(true);
    expect(set.refusals()).toEqual(["no price", "something was thrown that has no text"]);
    expect(exposed(set)).toEqual(["closing_bell_refused_updates_total 2"]);
  });

  test("may lead to another, which is waited for as well", async () => {
    const set = createMetricSet();
    const [first, second] = [update(), update()];
    set.expect(first.promise.then(() => set.expect(second.promise.then(count(set)))));
    let isOver = false;
    const settled = set.settled().then(() => {
      isOver = true;
    });
    first.done();
    await turn();
    expect([set.isSettled(), isOver]).toEqual([false, false]);
    second.done();
    await settled;
    expect(exposed(set)).toEqual(["agent_analyses_total 1"]);
  });

  test("of a set that is absorbed reaches the one that absorbed it, once", async () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    const [made, refused] = [update(), update()];
    other.expect(made.promise.then(count(other)));
    other.expect(refused.promise);
    count(other)();
    one.absorb(other);
    expect(exposed(one)).toEqual(["agent_analyses_total 1"]);
    expect(one.isSettled()).toBe(false);
    made.done();
    refused.fail(new Error("no price"));
    await one.settled();
    expect(exposed(one)).toEqual([
      "agent_analyses_total 2",
      "closing_bell_refused_updates_total 1",
    ]);
    expect(one.refusals()).toEqual(["no price"]);
    expect([one.isSettled(), other.isSettled()]).toEqual([true, true]);
    expect(other.families()).toEqual([]);
  });

  test("reaches the last of several sets that absorb each other", async () => {
    const [first, second, third] = [createMetricSet(), createMetricSet(), createMetricSet()];
    const made = update();
    third.expect(made.promise.then(count(third)));
    second.absorb(third);
    first.absorb(second);
    made.done();
    await first.settled();
    expect(exposed(first)).toEqual(["agent_analyses_total 1"]);
  });

  function count(set: MetricSet): () => void {
    return () => set.get(catalogue.agentAnalysesTotal).inc();
  }
});
