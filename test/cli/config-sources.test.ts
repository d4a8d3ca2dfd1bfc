import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, jest, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

afterAll(removeStateDirectories);

const SECRET = "opensesame";

test("config show tells which sources there are and what is pruned, without places and secrets", async () => {
  const cwd = stateDirectory();
  mkdirSync(cwd);
  const file = join(cwd, "closing-bell.json");
  const url = `https://bot.example/state?key=${SECRET}`;
  const content = {
    sources: {
      mode: "paper",
      timeZone: "America/New_York",
      startCapital: 100_000,
      portfolio: { type: "http", url, token: { env: "TOKEN" }, fields: { equity: "total" } },
      probes: {
        timescale: { url: { env: "DATABASE_URL" } },
        killSwitch: { value: { type: "http", url }, absent: "inactive" },
      },
    },
    prune: { olderThanDays: 30, jobs: ["backtest"] },
  };
  writeFileSync(file, JSON.stringify(content));
  const env = { TOKEN: SECRET, DATABASE_URL: `postgres://me:${SECRET}@db/x` };

  const asText = await runCli(["config", "show", "--origin"], { cwd, env });
  const asJson = await runCli(["config", "show", "--json"], { cwd, env });

  expect([asText.code, asJson.code]).toEqual([0, 0]);
  const { settings } = JSON.parse(asJson.stdout) as {
    settings: { name: string; value: unknown; origin: object }[];
  };
  const rows = settings.filter(({ name }) => /^(?:sources|prune)/.test(name));
  expect(rows.map(({ name, value }) => [name, value])).toEqual([
    ["sources.mode", "paper"],
    ["sources.timeZone", "America/New_York"],
    ["sources.startCapital", 100_000],
    ["sources.portfolio.type", "http"],
    ["sources.probes.timescale", "set"],
    ["sources.probes.killSwitch.type", "http"],
    ["sources.probes.killSwitch.absent", "inactive"],
    ["prune", { olderThanDays: 30, jobs: ["backtest"] }],
  ]);
  for (const { origin } of rows) expect(origin).toEqual({ type: "file", path: file });
  expect(asText.stdout).toMatch(/^sources\.portfolio\.type +http +\/.*closing-bell\.json$/m);
  for (const { stdout, stderr } of [asText, asJson]) expect(stdout + stderr).not.toContain(SECRET);
});
