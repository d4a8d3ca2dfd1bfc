import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { boolean, numbersOf, report, timed } from "../../src/metrics/report.ts";

describe("report", () => {
  test("hands the current set to the update, and what it throws to nobody", () => {
    const set = createMetricSet();
    withMetricSet(set, () =>
      report((given) => {
        expect(given).toBe(set);
        throw new Error("refused");
      }),
    );
    expect(set.refusals()).toEqual(["refused"]);
  });
});

describe("numbersOf", () => {
  test("gives what is given, in the order of the names, without what is undefined", () => {
    const numbers = numbersOf("it", { b: 2, a: -0, c: undefined }, ["a", "b", "c"]);
    expect([...numbers]).toEqual([
      ["a", -0],
      ["b", 2],
    ]);
  });

  test("refuses what is no number, keeping the cause", () => {
    expect(() => numbersOf("it", { a: "1" as never }, ["a"])).toThrow(InvalidOptionError);
    expect(() => numbersOf("it", { a: "1" as never }, ["a"])).toThrow(
      expect.objectContaining({
        message: "it: a is not a number: 1",
        cause: expect.any(TypeError),
      }),
    );
  });
});

test.each([0, 1, "", "false", null, undefined, {}])("boolean refuses %p", (value) => {
  expect(() => boolean("flag", value)).toThrow(InvalidOptionError);
});

describe("timed", () => {
  test("tells the time once, before whoever awaits the promise goes on", async () => {
    const events: string[] = [];
    const result = timed(
      async () => 7,
      () => events.push("told"),
    );
    await result.then(() => events.push("went on"));
    expect(events).toEqual(["told", "went on"]);
  });
});
