import { catalogue } from "./catalogue.ts";
import { report } from "./report.ts";

/** Counts one check of a constitution rule, and a violation when it failed. */
export function trackConstitutionCheck(
  rule: string,
  { passed }: { readonly passed: boolean },
): void {
  report((set) => {
    const result = passed ? "PASS" : "FAIL";
    set.get(catalogue.constitutionChecksTotal).inc({ rule_name: rule, result });
    if (!passed) set.get(catalogue.constitutionViolationsTotal).inc({ rule_name: rule });
  });
}

/** Sets the kill switch: active means that trading is halted. */
export function setKillSwitch(active: boolean): void {
  report((set) => set.get(catalogue.killSwitchStatus).set(active ? 1 : 0));
}
