import { catalogue } from "./catalogue.ts";
import { boolean, report } from "./report.ts";

/** Counts one check of a constitution rule, and a violation when it failed. */
export function trackConstitutionCheck(rule: string, outcome: { readonly passed: boolean }): void {
  report((set) => {
    const passed = boolean("trackConstitutionCheck: passed", outcome.passed);
    const result = passed ? "PASS" : "FAIL";
    set.get(catalogue.constitutionChecksTotal).inc({ rule_name: rule, result });
    if (!passed) set.get(catalogue.constitutionViolationsTotal).inc({ rule_name: rule });
  });
}

/** Sets the kill switch: active means that trading is halted. Unknown is refused: it is not "running". */
export function setKillSwitch(active: boolean): void {
  report((set) => {
    set.get(catalogue.killSwitchStatus).set(boolean("setKillSwitch: active", active) ? 1 : 0);
  });
}
