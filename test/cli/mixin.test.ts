import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";

jest.setTimeout(90_000);

const JOBS = { nightly: { mode: "live", schedule: { rate: "24h" }, severityOnMiss: "critical" } };

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "closing-bell-mixin-cli-"));
  configure({ jobs: JOBS });
});

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

function configure(content: object): void {
  writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify(content));
}

test("writes rules and tests for the jobs of closing-bell.json, then finds them up to date", async () => {
  const first = await runCli(["mixin"], { cwd });
  expect(first).toMatchObject({ code: 0, stdout: "" });
  expect(first.stderr).toContain("closing-bell: wrote prometheus/rules/jobs.yml\n");
  expect(readdirSync(join(cwd, "prometheus")).sort()).toEqual(["dashboards", "rules", "tests"]);
  const jobs = join(cwd, "prometheus/rules/jobs.yml");
  expect(readFileSync(jobs, "utf8")).toContain("job: nightly\n");

  const { mtimeMs } = statSync(jobs);
  const second = await runCli(["mixin"], { cwd });
  expect(second.stderr).toMatch(
    /^closing-bell: prometheus: \d+ files are what the job catalogue says\n$/,
  );
  expect(statSync(jobs).mtimeMs).toBe(mtimeMs);
  expect(await runCli(["mixin", "--check", "--quiet"], { cwd })).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

test("--check names what is changed and what is missing, exits with 1, and writes nothing", async () => {
  await runCli(["mixin", "--out", "out"], { cwd });
  rmSync(join(cwd, "out/tests/meta.yml"));
  configure({ jobs: { ...JOBS, weekly: { maxAge: "8d" } } });

  const { code, stdout, stderr } = await runCli(["mixin", "--check", "--out", "out"], { cwd });

  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain(
    "closing-bell: out/rules/jobs.yml is not what the job catalogue says; run: closing-bell mixin --out out\n",
  );
  expect(stderr).toContain("closing-bell: out/tests/meta.yml is missing; run: ");
  expect(stderr).not.toContain("trading.yml");
  expect(readdirSync(join(cwd, "out/tests"))).not.toContain("meta.yml");
});

test("--json gives every file and what it was; links go where they are said to", async () => {
  const links = ["--runbooks", "https://wiki.example/run", "--grafana", "https://graf.example"];
  const { code, stdout } = await runCli(["mixin", "--json", ...links], { cwd });

  expect(code).toBe(0);
  const { files } = JSON.parse(stdout);
  expect(files).toContainEqual({ path: "prometheus/rules/trading.yml", status: "missing" });
  const text = readFileSync(join(cwd, "prometheus/rules/trading.yml"), "utf8");
  expect(text).toContain("https://wiki.example/run/KillSwitchActivated.md");
  expect(text).toContain("https://graf.example/d/closing-bell-portfolio");
});

test("needs no secret that the gateway needs", async () => {
  const gateway = { url: "https://gw.example", username: "bell", password: { env: "NOT_SET" } };
  configure({ gateway, jobs: JOBS });
  expect(await runCli(["mixin"], { cwd })).toMatchObject({ code: 0 });
});

test("says so when there are no jobs", async () => {
  configure({});
  const { code, stderr } = await runCli(["mixin"], { cwd });
  expect(code).toBe(0);
  expect(stderr).toContain("closing-bell.json names no jobs");
});

describe("refuses, with 2,", () => {
  test.each<{ name: string; jobs: object; args: readonly string[]; message: string }>([
    {
      name: "a cron line that is none",
      jobs: { nightly: { schedule: { cron: "99 * * * *" } } },
      args: [],
      message: 'jobs.nightly: the schedule "99 * * * *" is no cron line',
    },
    {
      name: "a key that is mistyped",
      jobs: { nightly: { maxage: "1h" } },
      args: [],
      message: 'jobs.nightly: unknown key "maxage"; did you mean "maxAge"?',
    },
    {
      name: "a link that is none",
      jobs: JOBS,
      args: ["--grafana", "grafana:3000"],
      message: "grafana must be an http(s) URL",
    },
    {
      name: "a file that is not there",
      jobs: JOBS,
      args: ["--config", "no.json"],
      message: "no.json cannot be read",
    },
    { name: "an unknown flag", jobs: JOBS, args: ["--chekc"], message: "Did you mean --check?" },
  ])("$name", async ({ jobs, args, message }) => {
    configure({ jobs });
    const { code, stdout, stderr } = await runCli(["mixin", ...args], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(readdirSync(cwd)).toEqual(["closing-bell.json"]);
  });
});

test("a folder that cannot be written is named, with 1", async () => {
  writeFileSync(join(cwd, "prometheus"), "a file");
  const { code, stderr } = await runCli(["mixin"], { cwd });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^closing-bell: prometheus\/rules\/freshness\.yml cannot be written: /);
  mkdirSync(join(cwd, "other"));
  expect(await runCli(["mixin", "--out", join(cwd, "other")], { cwd })).toMatchObject({ code: 0 });
});
