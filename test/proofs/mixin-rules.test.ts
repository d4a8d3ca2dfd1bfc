import { readFileSync } from "node:fs";
import { expect, jest, test } from "@jest/globals";
import type { JobCatalogue } from "../../src/mixin/expectations.ts";
import { generateMixin } from "../../src/mixin/mixin.ts";
import { yamlDocument } from "../../src/mixin/yaml.ts";
import { promtool, withMixin } from "../mixin/promtool.ts";
import { ALERT_NAMES, namesIn, PROMETHEUS } from "../mixin/shipped.ts";
import { describeWithServer } from "../support/servers.ts";

jest.setTimeout(300_000);

/** Every kind of entry: siblings, a subset of labels, none at all, rates, weekends, months, nothing to be late for. */
const CATALOGUE: JobCatalogue = {
  backtest: {
    mode: "backtest",
    schedule: { cron: "30 17 * * MON-FRI", timeZone: "America/New_York" },
    expect: [{ strategy: "momentum" }, { strategy: "value" }],
  },
  "import prices": { schedule: { rate: "5m" }, maxDuration: "4m", severityOnMiss: "info" },
  billing: { mode: "live", schedule: { cron: "0 6 1 * *" }, severityOnMiss: "critical" },
  'odd "name" \\': { labels: { region: "börse's: #1" }, maxAge: "90m" },
  rebuild: { mode: "paper", maxDuration: "2h" },
};

describeWithServer("promtool")("promtool's tests of the rules", () => {
  const shipped = namesIn("tests/").filter((name) => name.endsWith(".yml"));

  test.each(shipped)("that ship pass: %s", async (name) => {
    const { code, output } = await promtool(["test", "rules", `tests/${name}`], PROMETHEUS);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("SUCCESS") });
  });

  test("of another catalogue pass too", async () => {
    const files = generateMixin(CATALOGUE, { grafana: "https://grafana.example/g/" });
    await withMixin(files, async (folder) => {
      const tests = files.flatMap(({ path }) => (path.startsWith("tests/") ? [path] : []));
      const { code, output } = await promtool(["test", "rules", ...tests], folder);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("SUCCESS") });
    });
  });

  test("and one with nothing in it", async () => {
    const files = generateMixin({});
    await withMixin(files, async (folder) => {
      const tests = files.flatMap(({ path }) => (path.startsWith("tests/") ? [path] : []));
      const { code, output } = await promtool(["test", "rules", ...tests], folder);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("SUCCESS") });
    });
  });
});

describeWithServer("promtool")("runbooks", () => {
  test("ask questions that Prometheus understands", async () => {
    const asked = ALERT_NAMES.flatMap((name) => {
      const text = readFileSync(new URL(`runbooks/${name}.md`, PROMETHEUS), "utf8");
      const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);
      return spans.filter(
        (span) => /[({]| == |_total|_seconds/.test(span) && !span.startsWith("closing-bell"),
      );
    });
    const rules = asked.map((expr, index) => ({ record: `asked_${index}`, expr }));
    expect(rules.length).toBeGreaterThan(30);
    const groups = [{ name: "asked", rules }];
    const file = { path: "asked.yml", content: yamlDocument("runbooks", { groups }) };
    await withMixin([file], async (folder) => {
      const { code, output } = await promtool(["check", "rules", "asked.yml"], folder);
      expect({ code, output }).toEqual({
        code: 0,
        output: expect.stringContaining(`${rules.length} rules found`),
      });
    });
  });
});
