import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";

jest.setTimeout(90_000);

const SECRET = "opensesame";

let root: string;
let cwd: string;
let file: string;
let env: Readonly<Record<string, string>>;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "closing-bell-config-show-"));
  cwd = join(root, "project");
  file = join(cwd, "closing-bell.json");
  mkdirSync(cwd);
  const content = {
    gateway: { url: "https://gw.example/prom/", username: "bell", password: { env: "GW" } },
    publish: "scheduled",
    jobs: { nightly: { mode: "live" }, "a b": {} },
  };
  writeFileSync(file, JSON.stringify(content));
  env = { GW: SECRET, XDG_CONFIG_HOME: join(root, "xdg"), CLOSING_BELL_STATE_DIR: "/state" };
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test("config show prints every setting and its value, secrets as set", async () => {
  const { code, stdout, stderr } = await runCli(["config", "show"], { cwd, env });

  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe(`gateway.url            https://gw.example/prom
gateway.username       bell
gateway.password       set
gateway.token          not set
gateway.caFile         not set
ledger                 file:/state
publish                scheduled
scrapeIntervalSeconds  60
jobs.nightly           {"mode":"live"}
jobs."a b"             {}
`);
});

test("config show --origin says where each came from, and which files were read", async () => {
  const { code, stdout } = await runCli(["config", "show", "--origin"], { cwd, env });

  expect(code).toBe(0);
  const origins = Object.fromEntries(
    stdout
      .split("\n")
      .map((line) => line.split(/ {2,}/))
      .map(([name, , origin]) => [name, origin]),
  );
  expect(origins).toMatchObject({
    "gateway.url": file,
    "gateway.username": file,
    "gateway.password": `GW, named in ${file}`,
    "gateway.token": "default",
    ledger: "CLOSING_BELL_STATE_DIR",
    publish: file,
    scrapeIntervalSeconds: "default",
    "jobs.nightly": file,
  });
  expect(stdout).toMatch(new RegExp(`^project file +${file} \\(read\\) `, "m"));
  expect(stdout).toMatch(/^user file +\/.*closing-bell\.json \(absent\) +default$/m);
  expect(stdout).not.toContain(SECRET);
});

test("config show --json has values and origins; what wins is what every command reads", async () => {
  const url = `http://me:${SECRET}@flag:1`;
  const flags = ["config", "show", "--json", "--gateway", url];

  const { code, stdout, stderr } = await runCli(flags, { cwd, env });

  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).not.toContain(SECRET);
  const { settings, files, problems } = JSON.parse(stdout);
  const flag = { type: "flag", name: "--gateway" };
  expect(settings).toEqual(
    expect.arrayContaining([
      { name: "gateway.url", value: "http://flag:1", origin: flag },
      { name: "gateway.username", value: "set", origin: flag },
      { name: "gateway.password", value: "set", origin: flag },
      { name: "gateway.token", value: null, origin: { type: "default" } },
      { name: "scrapeIntervalSeconds", value: 60, origin: { type: "default" } },
      { name: "jobs.nightly", value: { mode: "live" }, origin: { type: "file", path: file } },
    ]),
  );
  expect(files[0]).toEqual({ path: file, status: "read", origin: { type: "default" } });
  expect(problems).toEqual([]);
});

describe("a configuration with a problem", () => {
  test("exits with 2 and names it; the settings without one are shown", async () => {
    const bad = { ...env, GW: "", CLOSING_BELL_PUBLISH: SECRET.toUpperCase() };

    const { code, stdout, stderr } = await runCli(["config", "show"], { cwd, env: bad });

    expect(code).toBe(2);
    expect(stdout.split("\n").map((line) => line.replace(/ .*/, ""))).toEqual([
      "ledger",
      "scrapeIntervalSeconds",
      "jobs.nightly",
      'jobs."a',
      "",
    ]);
    expect(stderr).toContain("gateway.password: the environment variable GW is not set");
    expect(stderr).toContain('CLOSING_BELL_PUBLISH is "OPENSESAME"; expected one of');
  });

  test("is told without a password that stands in the wrong place", async () => {
    const url = `http://bell:${SECRET}@gw.example`;

    const flags = ["config", "show", "--origin", "--config", url];
    const asText = await runCli(flags, { cwd, env: { CLOSING_BELL_PUBLISH: url } });
    const asJson = await runCli([...flags, "--json"], { cwd, env: { CLOSING_BELL_PUBLISH: url } });

    for (const { code, stdout, stderr } of [asText, asJson]) {
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain(SECRET);
    }
  });

  test("is told by --json, too", async () => {
    const { code, stdout } = await runCli(["config", "show", "--json", "--config", "none.json"], {
      cwd,
    });

    expect(code).toBe(2);
    const { problems, files } = JSON.parse(stdout);
    expect(problems).toEqual([expect.stringContaining("none.json cannot be read")]);
    expect(files[0]).toMatchObject({ status: "faulty", origin: { name: "--config" } });
  });
});
