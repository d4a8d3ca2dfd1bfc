import { fires, type RuleTestFile } from "../rule-test.ts";

const always = {
  labels: { severity: "none", job: "prometheus" },
  summary: "Alerting works: this one always fires.",
};

export const metaTests: RuleTestFile = {
  name: "meta",
  about: "Alerting itself.",
  rules: ["meta"],
  evaluationInterval: "1m",
  tests: [
    {
      name: "Watchdog fires always, without any series",
      series: {},
      expect: [fires("Watchdog", "0m", always), fires("Watchdog", "1h", always)],
    },
  ],
};
