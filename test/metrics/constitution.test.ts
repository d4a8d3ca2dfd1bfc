import { describe, expect, test } from "@jest/globals";
import { setKillSwitch, trackConstitutionCheck } from "../../src/metrics/constitution.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

describe("a constitution check", () => {
  test("that passed is counted, and is no violation", () => {
    const set = createMetricSet();
    withMetricSet(set, () => trackConstitutionCheck("max_positions", { passed: true }));
    expect(exposed(set)).toEqual([
      'constitution_checks_total{rule_name="max_positions",result="PASS"} 1',
    ]);
  });

  test("that failed is counted, and is a violation", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      trackConstitutionCheck("max_positions", { passed: false });
      trackConstitutionCheck("max_positions", { passed: false });
      trackConstitutionCheck("max_positions", { passed: true });
    });
    expect(exposed(set)).toEqual([
      'constitution_checks_total{rule_name="max_positions",result="FAIL"} 2',
      'constitution_checks_total{rule_name="max_positions",result="PASS"} 1',
      'constitution_violations_total{rule_name="max_positions"} 2',
    ]);
  });
});

test("the kill switch is 1 when trading is halted, and 0 when it runs", () => {
  const set = createMetricSet();
  withMetricSet(set, () => setKillSwitch(true));
  expect(exposed(set)).toEqual(["kill_switch_status 1"]);
  withMetricSet(set, () => setKillSwitch(false));
  expect(exposed(set)).toEqual(["kill_switch_status 0"]);
});

test.each<{ name: string; act: () => void }>([
  {
    name: "a check without an outcome",
    act: () => trackConstitutionCheck("r", undefined as never),
  },
  {
    name: "a check whose outcome nobody awaited",
    act: () => trackConstitutionCheck("r", { passed: Promise.resolve(false) as never }),
  },
  {
    name: "a check that passed as text",
    act: () => trackConstitutionCheck("r", { passed: "no" as never }),
  },
  { name: "a kill switch of which nothing is known", act: () => setKillSwitch(undefined as never) },
  { name: "a kill switch as text", act: () => setKillSwitch("false" as never) },
])("$name changes nothing, throws nothing, and is noted", ({ act }) => {
  const set = createMetricSet();
  withMetricSet(set, act);
  expect(exposed(set)).toEqual(["closing_bell_refused_updates_total 1"]);
  expect(set.refusals()).toHaveLength(1);
});
