import { describe, expect, test } from "@jest/globals";
import { parseDuration, timerDuration } from "../../src/cli/duration.ts";

describe("a duration", () => {
  test.each<[string, number]>([
    ["0", 0],
    ["0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["1.5s", 1500],
    ["0.25h", 900_000],
    ["007s", 7000],
  ])("%s is %d ms", (text, milliseconds) => {
    expect(parseDuration(text, "--timeout")).toBe(milliseconds);
  });

  test.each([
    "",
    " ",
    "5",
    "-1s",
    "+1s",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "1w",
    "s",
    ".5s",
    "5.s",
    "1e3s",
    "0x10s",
    "1m30s",
    "1s\n",
    "NaNs",
    "Infinitys",
    `${"9".repeat(400)}s`,
    "٣s",
  ])("%j is none, and the message names the flag and what was expected", (text) => {
    expect(() => parseDuration(text, "--timeout")).toThrow(
      `--timeout ${text}: expected a duration such as 500ms, 30s, 5m, 1h, 7d, or 0`,
    );
  });
});

describe("a duration of a timer", () => {
  test.each<{ name: string; text: string; min?: number; max?: number; says: string }>([
    { name: "longer than timers take", text: "25d", says: "--x 25d: expected 24d or less" },
    { name: "longer than its limit", text: "61m", max: 3_600_000, says: "expected 1h or less" },
    { name: "shorter than its limit", text: "0", min: 1, says: "--x 0: expected 1ms or more" },
  ])("is refused when it is $name", ({ text, says, name, ...limits }) => {
    expect(() => timerDuration("--x", limits)(text)).toThrow(says);
  });

  test("is taken when it is no longer", () => {
    expect(timerDuration("--x")("24d")).toBe(2_073_600_000);
  });
});
