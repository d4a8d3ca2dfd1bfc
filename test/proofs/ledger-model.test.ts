import { afterAll, describe, expect, test } from "@jest/globals";
import { printTable } from "../support/print-table.ts";
import { ALL_GUARDS, explore, type Guards, type Scope } from "./ledger/model.ts";

/** Three records, one of them appended twice, two folders, and only one snapshot kept. */
const SCOPE: Scope = { appends: [2, 1, 1], folders: 2, kept: 1 };

const table: string[][] = [];
afterAll(() => {
  printTable("Model of append and fold", ["guard removed", "states visited", "found"], table);
});

describe("append and fold, in every order, with crashes and lost answers anywhere", () => {
  test("count each record once and lose none", async () => {
    const { states, snapshots, settled, violation } = await explore(SCOPE, ALL_GUARDS);
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(1_000);
    table.unshift([
      "none",
      `${states}`,
      `nothing: I1 and I2 hold (${snapshots} snapshots, settled from ${settled} states)`,
    ]);
  }, 300_000);

  test.each<{ guard: keyof Guards; name: string }>([
    { guard: "compareAndSwap", name: "compare-and-swap" },
    { guard: "doneCheck", name: "done check" },
    { guard: "finishingFirst", name: "finishing last first" },
    { guard: "linkWinCheck", name: "link-win check" },
  ])(
    "go wrong without the $name",
    async ({ guard, name }) => {
      const { states, violation } = await explore(SCOPE, { ...ALL_GUARDS, [guard]: false });
      table.push([name, `${states}`, `${violation?.invariant} (${violation?.steps.length} steps)`]);
      expect(violation?.invariant).toMatch(/^I[12]: /);
    },
    300_000,
  );
});
