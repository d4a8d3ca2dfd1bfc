import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { lintFamilies } from "../../src/metrics/exposition/lint.ts";
import { renderFamilies } from "../../src/metrics/exposition/render.ts";
import { printTable } from "../support/print-table.ts";
import { describeWithServer, findServer, serverEnvironment } from "../support/servers.ts";

const FAMILIES = 20_000;

/** Words of which names are made, so that every rule is met and nearly met. */
const WORDS =
  "rows thermometers ms s sec b m total count sum bucket gauge counter histogram summary fooBar a:b x".split(
    " ",
  );
/** One in a name at most: of two units promtool names one at random. */
const UNITS = "bytes bits seconds milliseconds minutes kilobits kilometers kelvins pounds".split(
  " ",
);

describeWithServer("promtool")("our linter", () => {
  test("says what promtool says, word for word", () => {
    const sampled = fc.sample(family(), { numRuns: FAMILIES, seed: 1 });
    const families = [...new Map(sampled.map((each) => [each.name, each])).values()];
    const ours = lintFamilies(families).map(({ metric, problem }) => `${metric} ${problem}`);
    const text = renderFamilies(families);
    const { stderr } = spawnSync(findServer("promtool") ?? "", ["check", "metrics"], {
      input: text,
      env: serverEnvironment("promtool"),
      maxBuffer: 1 << 28,
    });
    const theirs = stderr
      .toString()
      .split("\n")
      .filter((line) => line !== "");
    printTable(
      "Linter against promtool",
      ["families", "findings", "differences"],
      [[`${families.length}`, `${theirs.length}`, `${difference(ours, theirs).length}`]],
    );
    expect(difference(ours, theirs)).toEqual([]);
    expect(theirs.length).toBeGreaterThan(1000);
  });
});

function family(): fc.Arbitrary<MetricFamily> {
  const name = fc
    .tuple(
      fc.array(fc.constantFrom(...WORDS), { maxLength: 2 }),
      fc.option(fc.constantFrom(...UNITS)),
      fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 2 }),
    )
    .map(([before, unit, after]) => [...before, ...(unit ? [unit] : []), ...after].join("_"));
  const label = fc.constantFrom("x", "le", "quantile", "camelCase");
  const type = fc.constantFrom("counter" as const, "gauge" as const, "untyped" as const);
  return fc
    .tuple(name, type, label, fc.boolean())
    .map(([familyName, familyType, labelName, documented]) => ({
      type: familyType,
      name: familyName,
      ...(documented ? { help: "Help." } : {}),
      samples: [{ labels: { [labelName]: "1" }, value: 1 }],
    }));
}

function difference(left: readonly string[], right: readonly string[]): string[] {
  const [a, b] = [new Set(left), new Set(right)];
  return [...left.filter((line) => !b.has(line)), ...right.filter((line) => !a.has(line))];
}
