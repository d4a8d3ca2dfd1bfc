import type { RuleFile } from "../rule.ts";

/** Alerting about alerting. */
export const metaRules: RuleFile = {
  subject: "meta",
  about: "Alerting itself.",
  rules: [
    {
      alert: "Watchdog",
      expr: "vector(1)",
      severity: "none",
      job: "prometheus",
      summary: "Alerting works: this one always fires.",
      description:
        "It always fires, to a receiver outside that raises the alarm when it stops coming. It is the only alert that can say that there are no alerts.",
      dashboard: "health",
    },
  ],
};
