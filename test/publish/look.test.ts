import { afterEach, describe, expect, test } from "@jest/globals";
import type { LedgerMismatchError } from "../../src/errors.ts";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import {
  type Look,
  type LookRules,
  look,
  requireOwnHistory,
  showsAll,
} from "../../src/publish/look.ts";
import { expositionOf } from "../../src/push/body.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { manualClock } from "../support/manual-clock.ts";
import { counter, GROUP, gauge, histogram, NIGHT } from "../support/run-records.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";
import { clientOf, endPublishing } from "./publishing.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await endPublishing();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const OURS = { ledgerId: "ours", version: 5 };
const RULES: LookRules = {
  group: GROUP,
  ours: OURS,
  adopted: undefined,
  gateway: "http://gateway:9091",
  place: "file:/home/ada/state",
};

describe("totals may replace", () => {
  test.each<{ name: string; version: Look["version"]; adopted?: LookRules["adopted"] }>([
    { name: "nothing", version: undefined },
    { name: "our own of this version", version: OURS },
    { name: "our own of an older one", version: { ledgerId: "ours", version: 1 } },
    {
      name: "those that were adopted",
      version: { ledgerId: "theirs", version: 9 },
      adopted: { ledgerId: "theirs", version: 9 },
    },
    {
      name: "older ones of what was adopted",
      version: { ledgerId: "theirs", version: 8 },
      adopted: { ledgerId: "theirs", version: 9 },
    },
    {
      name: "newer ones of our own that were adopted",
      version: { ledgerId: "ours", version: 9 },
      adopted: { ledgerId: "ours", version: 9 },
    },
  ])("$name", ({ version, adopted }) => {
    expect(() => requireOwnHistory(lookOf(version), { ...RULES, adopted })).not.toThrow();
  });
});

describe("totals may not replace", () => {
  test.each<{ name: string; version: Look["version"]; adopted?: LookRules["adopted"] }>([
    { name: "another ledger's, older ones included", version: { ledgerId: "theirs", version: 1 } },
    { name: "our own of a newer version", version: { ledgerId: "ours", version: 6 } },
    {
      name: "newer ones than were adopted",
      version: { ledgerId: "theirs", version: 10 },
      adopted: { ledgerId: "theirs", version: 9 },
    },
    {
      name: "another ledger's than was adopted",
      version: { ledgerId: "third", version: 1 },
      adopted: { ledgerId: "theirs", version: 9 },
    },
  ])("$name", ({ version, adopted }) => {
    const error = mismatch(version, { ...RULES, adopted });
    expect(error).toMatchObject({ code: "ERR_LEDGER_MISMATCH", ours: OURS, theirs: version });
  });

  test("what they differ from, and the message says all of it and what to do", () => {
    const { message } = mismatch({ ledgerId: "theirs", version: 9 });
    expect(message).toContain("http://gateway:9091");
    expect(message).toContain("version 9 of ledger theirs");
    expect(message).toContain("version 5 of ledger ours (file:/home/ada/state)");
    expect(message).toContain("two ledgers report one group");
    expect(message).toContain("closing-bell ledger adopt -j nightly -g mode=backtest");
    expect(mismatch({ ledgerId: "ours", version: 9 }).message).toContain("restored from a backup");
  });

  test.each<{ group: GroupingKey; flags: string }>([
    { group: groupingKey("nightly"), flags: "-j nightly" },
    { group: groupingKey("a job", { b: "", a: "x y" }), flags: "-j 'a job' -g 'a=x y' -g b=" },
    {
      group: groupingKey("it's", { a: "$(reboot)" }),
      flags: "-j 'it'\\''s' -g 'a=$(reboot)'",
    },
    { group: groupingKey("j", { url: "http://a:1/b@c" }), flags: "-j j -g url=http://a:1/b@c" },
  ])("for $flags, which a shell takes as it is", ({ group, flags }) => {
    const { message } = mismatch({ ledgerId: "theirs", version: 9 }, { ...RULES, group });
    expect(message.endsWith(`closing-bell ledger adopt ${flags}`)).toBe(true);
  });
});

const GROUPS: readonly GroupingKey[] = [
  groupingKey("nightly"),
  groupingKey("nightly", { strategy: "" }),
  groupingKey("nightly", { strategy: "a/b", team: "" }),
  groupingKey("nightly", { instance: "host" }),
];

/** Values and shapes that a gateway writes otherwise than we do. */
const FAMILIES: readonly MetricFamily[] = [
  counter("big_total", 12_345_678.5, { action: "buy" }),
  counter("huge_total", 1e15),
  gauge("tiny", 1.5e-9),
  gauge("third", 1 / 3, { instance: "worker" }),
  gauge("negative", -0.25),
  gauge("closing_bell_ledger_version", 7, { ledger_id: "ours" }),
  { ...histogram("h", [0.5, 1.5, 1e7]), help: "Help" },
  { type: "histogram", name: "none", samples: [{ labels: {}, buckets: [], count: 0, sum: 0 }] },
  {
    type: "histogram",
    name: "wide",
    samples: [
      {
        labels: { layer: "risk" },
        buckets: [
          { upperBound: 1e-7, cumulativeCount: 1 },
          { upperBound: 2.5, cumulativeCount: 2 },
          { upperBound: 12_345_678.5, cumulativeCount: 3 },
        ],
        count: 20_000_000,
        sum: 12_345_678.5,
      },
    ],
  },
];

function describeLooks(start: () => Promise<URL>): void {
  test("gives back each group as it was pushed, with labels that are empty", async () => {
    const client = clientOf(await start());
    for (const [index, group] of GROUPS.entries()) {
      const families = [...FAMILIES, gauge("which", index)].filter(
        ({ name }) => name !== "third" || !("instance" in group.labels),
      );
      await client.push(group, expositionOf(group, families));
    }
    for (const [index, group] of GROUPS.entries()) {
      const seen = await look(client, group);
      const families = FAMILIES.filter(
        ({ name }) => name !== "third" || !("instance" in group.labels),
      );
      expect(showsAll(seen, [...families, gauge("which", index)])).toBe(true);
      expect(showsAll(seen, [...families, gauge("which", index + 1)])).toBe(false);
      expect(seen.version).toEqual({ ledgerId: "ours", version: 7 });
      expect(seen.pushedAt).toBeGreaterThan(1_700_000_000);
    }
  });

  test("finds nothing where nothing is, and no version where no ledger was", async () => {
    const client = clientOf(await start());
    expect(await look(client, GROUP)).toEqual({ families: [], pushedAt: 0 });
    await client.push(GROUP, expositionOf(GROUP, [gauge("g", 1)]));
    expect(await look(client, GROUP)).not.toHaveProperty("version");
    expect(await look(client, groupingKey("nightly"))).toEqual({ families: [], pushedAt: 0 });
  });
}

describe("a look at the embedded gateway", () => {
  describeLooks(async () => {
    const gateway = await startPushgateway({ clock: manualClock(NIGHT) });
    cleanups.push(() => gateway.close());
    return gateway.url;
  });
});

describeWithServer("pushgateway")("a look at the real gateway", () => {
  describeLooks(async () => {
    const gateway = await startRealPushgateway();
    cleanups.push(() => gateway.stop());
    return gateway.url;
  });
});

describe("a gateway does not show all when", () => {
  const all = [counter("a_total", 3, { x: "1", y: "2" }), gauge("g", 1), histogram("h", [1, 2])];
  test.each<{ name: string; shown: readonly MetricFamily[] }>([
    { name: "a family is missing", shown: all.slice(1) },
    {
      name: "a value differs",
      shown: [counter("a_total", 4, { x: "1", y: "2" }), ...all.slice(1)],
    },
    {
      name: "a label differs",
      shown: [counter("a_total", 3, { x: "1", y: "3" }), ...all.slice(1)],
    },
    { name: "a label is missing", shown: [counter("a_total", 3, { x: "1" }), ...all.slice(1)] },
    { name: "a bucket differs", shown: [...all.slice(0, 2), histogram("h", [1.5, 1.5])] },
    { name: "a sum differs", shown: [...all.slice(0, 2), histogram("h", [1, 1.5])] },
  ])("$name", ({ shown }) => {
    expect(showsAll({ families: shown, pushedAt: NIGHT }, all)).toBe(false);
  });

  test("and does when there is more, in another order, with `+Inf` spelt out", () => {
    const spelt: MetricFamily = {
      type: "histogram",
      name: "h",
      samples: histogram("h", [1, 2]).samples.map((sample) => ({
        ...sample,
        buckets: [
          ...sample.buckets,
          { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: sample.count },
        ],
      })),
    };
    const shown = [
      spelt,
      gauge("more", 1),
      gauge("g", 1),
      counter("a_total", 3, { y: "2", x: "1" }),
    ];
    expect(showsAll({ families: shown, pushedAt: NIGHT }, all)).toBe(true);
  });
});

function lookOf(version: Look["version"]): Look {
  return { families: [], pushedAt: NIGHT, ...(version === undefined ? {} : { version }) };
}

function mismatch(version: Look["version"], rules: LookRules = RULES): LedgerMismatchError {
  try {
    requireOwnHistory(lookOf(version), rules);
  } catch (error) {
    return error as LedgerMismatchError;
  }
  throw new Error("nothing was thrown");
}
