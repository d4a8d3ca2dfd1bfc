import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { SourcesSettings } from "../../src/config/sources-schema.ts";
import { readSources, type Sources } from "../../src/config/sources-settings.ts";
import { ConfigError } from "../../src/errors.ts";

const SECRET = "opensesame";

let root: string;
let file: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "closing-bell-sources-"));
  file = join(root, "closing-bell.json");
  mkdirSync(join(root, "keys"));
  writeFileSync(join(root, "keys", "secret"), `${SECRET}\n`);
  writeFileSync(join(root, "keys", "ca.pem"), "PEM\n");
  writeFileSync(join(root, "keys", "empty"), "\n");
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const ALPACA = {
  type: "alpaca",
  account: "live",
  keyId: { env: "ID" },
  secretKey: { env: "KEY" },
} as const;

const REDIS = { type: "redis", key: "halted" } as const;

const SQL = { type: "sql", query: "select halted from switches" } as const;

const KEYS = { ID: "id", KEY: SECRET };

describe("secrets are read", () => {
  test("from the environment and from files, relative to the file that names them", () => {
    const portfolio = { ...ALPACA, secretKey: { file: "keys/secret" } };
    expect(read({ mode: "live", portfolio }, { ID: "id" }).portfolio).toEqual({
      ...{ type: "alpaca", account: "live", keyId: "id", secretKey: SECRET },
    });
  });

  test("wherever they stand, with certificate authorities beside them", () => {
    const url = { env: "URL" };
    const caFile = "keys/ca.pem";
    const token = { file: join(root, "keys/secret") };
    const http = { type: "http", url: "https://bot/", token, caFile } as const;
    const sources = read(
      {
        mode: "paper",
        portfolio: { ...http, fields: { equity: "total" } },
        probes: {
          timescale: { url, caFile },
          redis: { url, caFile },
          killSwitch: { value: { ...SQL, url, caFile } },
          appStart: { ...http, path: "started" },
        },
      },
      { URL: `db://me:${SECRET}@host` },
    );
    const connectionString = `db://me:${SECRET}@host`;
    const endpoint = { type: "http", url: "https://bot/", token: SECRET, ca: "PEM\n" };
    expect(sources).toEqual({
      ...{ mode: "paper", timeZone: "UTC", timeoutMs: 5000 },
      portfolio: { ...endpoint, fields: { equity: "total" } },
      timescale: { connectionString, ca: "PEM\n" },
      redis: { url: connectionString, ca: "PEM\n" },
      killSwitch: { value: { ...SQL, connectionString, ca: "PEM\n" }, absent: "unknown" },
      appStart: { ...endpoint, path: "started" },
    });
  });

  test("all that are missing are told at once, with the place that names them", () => {
    const problems = refusal({
      mode: "live",
      portfolio: { ...ALPACA, secretKey: { file: "keys/empty" } },
      probes: {
        timescale: { url: { env: "DATABASE_URL" }, caFile: "keys/none.pem" },
        redis: { url: { file: "keys/none" } },
        appStart: { type: "http", url: "http://bot", token: { env: "TOKEN" } },
      },
    });
    expect(problems).toEqual([
      `${file}: sources.probes.timescale.url: the environment variable DATABASE_URL is not set`,
      expect.stringMatching(/sources\.probes\.timescale\.caFile cannot be read: .*ENOENT/),
      expect.stringMatching(/sources\.probes\.redis\.url cannot be read: .*ENOENT/),
      `${file}: sources.portfolio.keyId: the environment variable ID is not set`,
      `${file}: sources.portfolio.secretKey: keys/empty is empty`,
      `${file}: sources.probes.appStart.token: the environment variable TOKEN is not set`,
    ]);
  });

  test("and no message repeats one", () => {
    const url = { env: "URL" };
    const probes = { redis: { url }, timescale: { url }, appStart: { ...SQL, url: { env: "NO" } } };
    const settings: SourcesSettings = { portfolio: ALPACA, probes };
    const problems = refusal(settings, { ...KEYS, URL: `redis://:${SECRET}@host` });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain(SECRET);
  });
});

describe("a value's place that is not given is that of the probe", () => {
  const probes = {
    redis: { url: "rediss://redis", caFile: "keys/ca.pem" },
    timescale: { url: { env: "URL" } },
  };

  test("for a Redis key", () => {
    const { killSwitch } = read(
      {
        mode: "live",
        probes: {
          ...probes,
          killSwitch: { value: { ...REDIS, field: "active" }, absent: "inactive" },
        },
      },
      { URL: "postgres://db" },
    );
    expect(killSwitch).toEqual({
      value: { ...REDIS, field: "active", url: "rediss://redis", ca: "PEM\n" },
      absent: "inactive",
    });
  });

  test("for a query", () => {
    const { appStart } = read(
      { mode: "live", probes: { ...probes, appStart: SQL } },
      { URL: SECRET },
    );
    expect(appStart).toEqual({ ...SQL, connectionString: SECRET });
  });

  test("and of its own, it has nothing of the probe's", () => {
    const value = { ...REDIS, url: "redis://other" };
    const { killSwitch } = read(
      { mode: "live", probes: { ...probes, killSwitch: { value } } },
      { URL: "postgres://db" },
    );
    expect(killSwitch?.value).toEqual({ ...REDIS, url: "redis://other" });
  });

  test.each([
    { name: "redis", value: REDIS },
    { name: "timescale", value: SQL },
  ])("unless there is none: $name", ({ name, value }) => {
    expect(refusal({ mode: "live", probes: { killSwitch: { value } } })).toEqual([
      `${file}: sources.probes.killSwitch.value needs a url, or probes.${name} with one`,
    ]);
  });

  test("a secret that is missing there is told once", () => {
    const settings: SourcesSettings = {
      mode: "live",
      probes: { redis: { url: { env: "NO" } }, appStart: REDIS, killSwitch: { value: REDIS } },
    };
    expect(refusal(settings)).toEqual([
      `${file}: sources.probes.redis.url: the environment variable NO is not set`,
    ]);
  });
});

describe("is refused:", () => {
  const paperHost = "https://PAPER-API.alpaca.markets/";

  test.each<{ name: string; settings: SourcesSettings; problem: string }>([
    {
      name: "no mode",
      settings: { portfolio: ALPACA },
      problem: "sources.mode says whose figures these are: paper or live",
    },
    {
      name: "a paper account as live",
      settings: { mode: "live", portfolio: { ...ALPACA, account: "paper" } },
      problem: "sources.mode is live, but sources.portfolio.account is paper",
    },
    {
      name: "a live account as paper",
      settings: { mode: "paper", portfolio: ALPACA },
      problem: "sources.mode is paper, but sources.portfolio.account is live",
    },
    {
      name: "the paper host as live",
      settings: { mode: "live", portfolio: { ...ALPACA, baseUrl: paperHost } },
      problem: "sources.mode is live, but sources.portfolio.baseUrl is the paper host",
    },
    {
      name: "the live host as paper",
      settings: {
        mode: "paper",
        portfolio: { ...ALPACA, account: "paper", baseUrl: "https://api.alpaca.markets" },
      },
      problem: "sources.mode is paper, but sources.portfolio.baseUrl is the live host",
    },
    {
      name: "a kill switch of no value",
      settings: { mode: "live", portfolio: ALPACA, probes: { killSwitch: { absent: "unknown" } } },
      problem: "sources.probes.killSwitch needs value",
    },
    ...[{}, { probes: {} }].map((nothing) => ({
      name: `nothing to read: ${JSON.stringify(nothing)}`,
      settings: { mode: "live" as const, ...nothing },
      problem: "sources names nothing to read: a portfolio, or probes",
    })),
  ])("$name", ({ settings, problem }) => {
    expect(refusal(settings, KEYS)).toEqual([`${file}: ${problem}`]);
  });

  test("not the host of a proxy", () => {
    const portfolio = { ...ALPACA, baseUrl: "https://proxy/paper-api" };
    expect(read({ mode: "live", portfolio }, KEYS).portfolio).toMatchObject({
      baseUrl: "https://proxy/paper-api",
    });
  });
});

test("what else is said is taken over", () => {
  const others = { currency: "KRW", timeZone: "Asia/Seoul", dayStartsAt: "08:00", startCapital: 5 };
  const settings = { mode: "live", timeoutSeconds: 0.5, portfolio: ALPACA, ...others } as const;
  expect(read(settings, KEYS)).toMatchObject({ ...others, timeoutMs: 500 });
});

function read(settings: SourcesSettings, env: Readonly<Record<string, string>> = {}): Sources {
  return readSources({ value: settings, origin: { type: "file", path: file } }, env);
}

function refusal(
  settings: SourcesSettings,
  env: Readonly<Record<string, string>> = {},
): readonly string[] {
  try {
    read(settings, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("it was not refused");
}
