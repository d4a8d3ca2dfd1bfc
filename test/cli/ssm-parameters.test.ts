import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";
import { type GuardedGateway, startGuardedGateway } from "../support/guarded-gateway.ts";
import { serve } from "../support/http-server.ts";
import {
  environmentOf,
  type ParameterServer,
  refusal,
  serveParameters,
} from "../support/parameter-store.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

afterAll(removeStateDirectories);

const PATH = "/closing-bell/prod";
const SECRET = "opensesame";

let gateway: GuardedGateway;
let ssm: ParameterServer;
let cwd: string;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  gateway = await startGuardedGateway(`bell:${SECRET}`);
  ssm = await serveParameters({
    [`${PATH}/gateway-url`]: gateway.url.href,
    [`${PATH}/gateway-username`]: "bell",
    [`${PATH}/gateway-password`]: SECRET,
  });
  cwd = stateDirectory();
  mkdirSync(cwd);
  env = {
    ...environmentOf(ssm),
    CLOSING_BELL_SSM_PATH: PATH,
    CLOSING_BELL_STATE_DIR: join(cwd, "state"),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
});

afterEach(async () => {
  await gateway.close();
  await ssm.close();
});

describe("config show", () => {
  test("shows what comes from SSM, where from, and no secret", async () => {
    const asText = await runCli(["config", "show", "--origin"], { cwd, env });
    const asJson = await runCli(["config", "show", "--json"], { cwd, env });

    expect([asText.code, asText.stderr, asJson.code]).toEqual([0, "", 0]);
    const rows = asText.stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, 4)).toEqual([
      ["gateway.url", gateway.url.origin, `SSM ${PATH}/gateway-url`],
      ["gateway.username", "set", `SSM ${PATH}/gateway-username`],
      ["gateway.password", "set", `SSM ${PATH}/gateway-password`],
      ["gateway.token", "not set", "default"],
    ]);
    expect(JSON.parse(asJson.stdout).settings[2]).toEqual({
      name: "gateway.password",
      value: "set",
      origin: { type: "ssm", name: `${PATH}/gateway-password` },
    });
    expect(asText.stdout + asJson.stdout).not.toContain(SECRET);
    expect(ssm.calls).toHaveLength(2);
  });

  test("shows all else when SSM refuses, and why it does", async () => {
    ssm.refusal = refusal("AccessDeniedException", "User: arn:x is not authorized");

    const { code, stdout, stderr } = await runCli(["config", "show"], { cwd, env });

    expect(code).toBe(2);
    expect(stdout).toMatch(/^ledger +file:/m);
    expect(stderr).toMatch(
      /^closing-bell: SSM parameters .*gateway-url, .* in eu-west-1: AccessDeniedException: .*; allow ssm:GetParameters.*\n$/,
    );
  });

  test.each<{ name: string; change: Record<string, string | undefined>; problem: RegExp }>([
    {
      name: "a region",
      change: { AWS_REGION: undefined },
      problem: /gateway-token: no region is known: set AWS_REGION\n$/,
    },
    {
      name: "credentials",
      change: { AWS_ACCESS_KEY_ID: "", AWS_EC2_METADATA_DISABLED: "true" },
      problem: /in eu-west-1: CredentialsProviderError.*; give a role .*AWS_PROFILE/,
    },
    {
      name: "anybody who listens",
      change: { AWS_ENDPOINT_URL_SSM: "http://127.0.0.1:1" },
      problem: /in eu-west-1: .*ECONNREFUSED.*; nothing listens there/,
    },
  ])("says that it lacks $name", async ({ change, problem }) => {
    const changed = Object.entries({ ...env, ...change });
    const known = changed.filter((entry): entry is [string, string] => entry[1] !== undefined);
    const { code, stderr } = await runCli(["config", "show"], {
      cwd,
      env: Object.fromEntries(known),
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(problem);
    expect(ssm.calls).toEqual([]);
  });
});

test("a run finds the gateway in SSM", async () => {
  const { code, stderr } = await runCli(["run", "-j", "nightly", "--", "true"], { cwd, env });

  expect(code).toBe(0);
  expect(stderr).toContain(`${gateway.url.origin}`);
  expect(ssm.calls).toHaveLength(1);
});

test("a run is recorded while SSM refuses, and publish takes it to the gateway later", async () => {
  ssm.refusal = refusal("AccessDeniedException", "User: arn:x is not authorized");
  const run = await runCli(["run", "-j", "nightly", "--", "true"], { cwd, env });
  expect(run.code).toBe(0);
  expect(run.stderr).toMatch(/recorded for .* refused: SSM parameters .*AccessDeniedException/);

  ssm.refusal = undefined;
  const { code, stderr } = await runCli(["publish"], { cwd, env });

  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("published") });
  const listed = await runCli(["groups", "ls"], { cwd, env });
  expect(listed.stdout).toContain('job="nightly"');
});

test("report reads its sources with secrets from SSM", async () => {
  ssm.parameters.set("/bot/token", "bot-token");
  const bot = await serve(({ headers }, response) => {
    response.writeHead(headers.authorization === "Bearer bot-token" ? 200 : 401);
    response.end('{ "total": 1000 }');
  });
  const portfolio = {
    type: "http",
    url: bot.url.href,
    token: { ssm: "/bot/token" },
    fields: { equity: "total" },
  };
  const sources = { mode: "paper", currency: "USD", portfolio };
  writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify({ sources }));

  const { code, stderr } = await runCli(["report"], { cwd, env });
  await bot.close();

  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("of 1 source\n") });
  expect(ssm.calls.map(({ names }) => names.length)).toEqual([5]);
  // Who does not report needs none of them.
  await runCli(["publish"], { cwd, env });
  expect(ssm.calls.at(-1)?.names).not.toContain("/bot/token");
});

test.each([
  { command: ["config", "show"] },
  { command: ["groups", "ls"] },
  { command: ["publish"] },
  { command: ["run", "-j", "x", "--", "true"] },
])(
  "$command without anything of SSM in its configuration loads nothing of the SDK",
  async ({ command }) => {
    const coverage = join(cwd, "coverage");
    const url = `http://bell:${SECRET}@${gateway.url.host}`;
    const others = { ...env, PUSHGATEWAY_URL: url, CLOSING_BELL_SSM_PATH: "" };

    // Node's record of every script that it loaded.
    const { code } = await runCli(command, { cwd, env: { ...others, NODE_V8_COVERAGE: coverage } });

    expect(code).toBe(0);
    const scripts = readdirSync(coverage).flatMap((record) => {
      const { result } = JSON.parse(readFileSync(join(coverage, record), "utf8"));
      return (result as { readonly url: string }[]).map((script) => script.url);
    });
    expect(scripts).toContainEqual(expect.stringContaining("closing-bell.js"));
    expect(scripts.filter((script) => /aws|smithy|ssm-client/.test(script))).toEqual([]);
    expect(ssm.calls).toEqual([]);
  },
);
