import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

let env: Readonly<Record<string, string>>;

beforeAll(() => {
  env = { CLOSING_BELL_STATE_DIR: stateDirectory() };
});

afterAll(removeStateDirectories);

describe("run exits with 125, and runs nothing, for", () => {
  test.each<{ flags: readonly string[]; says: string }>([
    { flags: ["--timeout", "soon"], says: "--timeout soon: expected a duration such as 500ms" },
    { flags: ["--timeout", "30"], says: "--timeout 30: expected a duration such as" },
    { flags: ["--timeout=-5s"], says: "--timeout -5s: expected a duration" },
    { flags: ["--timeout", "30d"], says: "--timeout 30d: expected 24d or less" },
    { flags: ["--kill-after", ""], says: "--kill-after : expected a duration" },
    { flags: ["--push-deadline", "0"], says: "--push-deadline 0: expected 1ms or more" },
    { flags: ["--push-deadline", "2h"], says: "--push-deadline 2h: expected 1h or less" },
    { flags: ["--timeout"], says: "'--timeout <duration>' argument missing" },
  ])("$flags", async ({ flags, says }) => {
    const args = flags.length === 1 && !flags[0]?.includes("=") ? flags : [...flags, "--", "echo"];

    const result = await runCli(["run", "-j", "x", ...args], { env });

    expect(result).toMatchObject({ code: 125, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
    expect(result.stderr).toContain(says);
  });
});

describe("run", () => {
  test.each<{ name: string; flags: readonly string[] }>([
    { name: "is not ended by a --timeout of 0", flags: ["--timeout", "0"] },
    { name: "nor before its time", flags: ["--timeout", "1h", "--kill-after", "0s"] },
  ])("$name, which keeps nobody waiting afterwards", async ({ flags }) => {
    const result = await runCli(["run", "-j", "x", ...flags, "--", "sh", "-c", "exit 3"], { env });

    expect(result.code).toBe(3);
    expect(result.stderr).toContain("x failed (exit 3) in ");
  });

  test.each<{ command: string; says: string }>([
    { command: "sleep 600", says: "x timed out (exit 124, by SIGTERM) in " },
    {
      command: 'trap "exit 0" TERM; sleep 600 & wait',
      says: "x timed out (exit 124; its own would be 0) in ",
    },
  ])("says that the time was over, and how it ended: $command", async ({ command, says }) => {
    const args = ["--timeout", "500ms", "--", "sh", "-c", command];

    const result = await runCli(["run", "-j", "x", ...args], { env });

    expect(result).toMatchObject({ code: 124, signal: null, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
    expect(result.stderr).toContain(says);
  });

  test("tells the same as JSON, and the gateway counts it as timed out", async () => {
    const gateway = await startPushgateway();
    const command = ["sh", "-c", 'trap "exit 7" TERM; sleep 600 & wait'];

    const { code, stderr } = await runCli(
      ["run", "--json", "-j", "counted", "--timeout", "500ms", "--", ...command],
      { env: { ...env, PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_SCRAPE_INTERVAL: "0" } },
    );
    const values = await scrapeJob(gateway.url, { job: "counted" });
    await gateway.close();

    expect(code).toBe(124);
    expect(JSON.parse(stderr)).toMatchObject({
      outcome: "timed_out",
      exitCode: 124,
      commandExitCode: 7,
    });
    expect(values).toMatchObject({
      batch_job_exit_code: 124,
      'batch_job_runs_total{outcome="timed_out"}': 1,
    });
  });

  test("lists its flags and their defaults", async () => {
    const { stdout } = await runCli(["run", "--help"]);

    for (const flag of ["--timeout <duration>", "--kill-after <duration>", "--push-deadline"]) {
      expect(stdout).toContain(`\n  ${flag}`);
    }
    expect(stdout).toMatch(/--kill-after[^-]*\(default: 20s\)/);
    expect(stdout).toMatch(/--push-deadline[^-]*\(default: 5s\)/);
  });
});
