import { describe, expect, test } from "@jest/globals";
import type { StateItem } from "../../src/ledger/ledger.ts";
import {
  NOTHING_PUBLISHED,
  type PublishState,
  publishStateOf,
  publishStates,
  withPublishState,
} from "../../src/publish/publish-state.ts";

const STATE: PublishState = {
  acked: { version: 7, at: 1_795_305_600.5 },
  unconfirmed: { version: 8, at: 1_795_305_660 },
  settled: new Set(["AbCd_-12", "aaaaaaaa"]),
  held: new Map([
    ["bbbbbbbb", 1_795_305_600],
    ["cccccccc", 1_795_305_601.25],
  ]),
  hidden: { count: 2, since: 1_795_305_600, latest: 1_795_305_601.25 },
  adopted: { ledgerId: "other", version: 3 },
  ahead: 2,
};

describe("a publish state", () => {
  test.each<{ name: string; state: PublishState }>([
    { name: "with everything", state: STATE },
    { name: "with nothing", state: NOTHING_PUBLISHED },
  ])("$name comes back from JSON as it was", ({ state }) => {
    const item = throughJson(withPublishState(undefined, "http://a", state));
    expect(item.version).toBe(1);
    expect(publishStateOf(item, "http://a")).toStrictEqual(state);
  });

  test("of a gateway that nothing was noted of is empty", () => {
    const item = withPublishState(undefined, "http://a", STATE);
    expect(publishStateOf(item, "http://b")).toEqual(NOTHING_PUBLISHED);
    expect(publishStateOf(undefined, "http://a")).toEqual(NOTHING_PUBLISHED);
  });

  test("replaces that of its own gateway alone, in the item's next version", () => {
    const first = withPublishState(undefined, "http://a", STATE);
    const second = withPublishState(first, "http://b", NOTHING_PUBLISHED);
    const third = withPublishState(second, "http://a", { ...STATE, settled: new Set() });
    expect(third.version).toBe(3);
    expect(publishStateOf(third, "http://a").settled.size).toBe(0);
    expect(publishStateOf(third, "http://b")).toEqual(NOTHING_PUBLISHED);
    // What was read before is what it was.
    expect(publishStateOf(second, "http://a")).toEqual(STATE);
  });

  test("is kept of the eight gateways that were last written", () => {
    let item: StateItem | undefined;
    for (let gateway = 1; gateway <= 10; gateway++) {
      item = withPublishState(item, `http://${gateway}`, STATE);
      item = withPublishState(item, "http://1", STATE);
    }
    expect(publishStates(item).map(({ gateway }) => gateway)).toEqual(
      [1, 10, 9, 8, 7, 6, 5, 4].map((gateway) => `http://${gateway}`),
    );
  });

  test("of thousands of label sets stays small", () => {
    const ids = Array.from({ length: 5000 }, (_, index) => `${index}`.padStart(8, "x"));
    const item = withPublishState(undefined, "http://a", { ...STATE, settled: new Set(ids) });
    expect(JSON.stringify(item).length).toBeLessThan(45_000);
    expect(publishStateOf(item, "http://a").settled).toEqual(new Set(ids));
  });
});

function throughJson(item: StateItem): StateItem {
  return JSON.parse(JSON.stringify(item));
}
