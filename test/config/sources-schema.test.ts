import { describe, expect, test } from "@jest/globals";
import { sources } from "../../src/config/sources-schema.ts";

const PASSWORD = "opensesame";

const VALUE = {
  redis: { type: "redis", key: "trading:kill_switch", field: "active" },
  sql: { type: "sql", url: "postgres://reader@db/trading", query: "select 1" },
  ssm: { type: "ssm", name: "/trading/halted", region: "us-east-1" },
  http: { type: "http", url: "https://bot/health", path: "data.halted", token: { env: "T" } },
};

/** Every key that there is. */
const ALL = {
  mode: "live",
  currency: "USD",
  timeZone: "America/New_York",
  dayStartsAt: "17:00",
  startCapital: 0.01,
  timeoutSeconds: 60,
  portfolio: {
    type: "http",
    url: "https://broker/account?fields=all",
    token: { file: "token" },
    caFile: "ca.pem",
    fields: {
      ...{
        equity: "data.total",
        cash: { path: "data.cents", scale: 0.01 },
        positions: "data.list",
      },
      ...{ dailyPnl: "a", lastCloseEquity: "b", cashFlowToday: "c", cashFlowTotal: "d" },
      currency: "data.currency",
    },
  },
  probes: {
    timescale: { url: { env: "DATABASE_URL" }, caFile: "ca.pem" },
    redis: { url: "rediss://reader@redis:6380/2" },
    killSwitch: { value: VALUE.redis, absent: "inactive" },
    appStart: VALUE.http,
  },
};

const ALPACA = {
  type: "alpaca",
  account: "paper",
  keyId: { env: "ID" },
  secretKey: { env: "KEY" },
};

const SQL = { type: "sql", url: { env: "DATABASE_URL" }, query: "select equity from account" };

const HTTP = { type: "http", url: "https://broker/account", fields: { equity: "total" } };

describe("is read as it is:", () => {
  test.each<{ name: string; value: object }>([
    { name: "every key", value: ALL },
    {
      name: "an Alpaca account",
      value: { portfolio: { ...ALPACA, baseUrl: "http://127.0.0.1:1" } },
    },
    { name: "a query", value: { portfolio: SQL } },
    ...Object.entries(VALUE).map(([name, value]) => ({
      name: `a value of ${name}`,
      value: { probes: { appStart: value, killSwitch: { value } } },
    })),
    { name: "nothing", value: {} },
  ])("$name", ({ value }) => {
    const problems: string[] = [];
    expect(sources.read(value, "sources", problems)).toEqual(value);
    expect(problems).toEqual([]);
  });
});

const ADDRESS =
  'a URL without a password, { "env": "NAME" }, { "file": "PATH" } or { "ssm": "NAME" }';
const HELD =
  'holds a password; give it as { "env": "NAME" }, { "file": "PATH" } or { "ssm": "NAME" }';
const TYPES = "an object whose type is one of";

describe("is refused with its place:", () => {
  test.each<{ name: string; value: unknown; problem: string }>([
    {
      name: "an unknown key, with the nearest name",
      value: { startCaptal: 1 },
      problem: 'sources: unknown key "startCaptal"; did you mean "startCapital"?',
    },
    {
      name: "an unknown key of a portfolio",
      value: { portfolio: { ...ALPACA, keyID2: 1 } },
      problem: 'sources.portfolio: unknown key "keyID2"; did you mean "keyId"?',
    },
    {
      name: "a key of another kind of portfolio",
      value: { portfolio: { ...SQL, secretKey: { env: "X" } } },
      problem: 'sources.portfolio: unknown key "secretKey"; known: url, caFile, query',
    },
    {
      name: "an unknown probe",
      value: { probes: { killswitch: {} } },
      problem: 'sources.probes: unknown key "killswitch"; did you mean "killSwitch"?',
    },
    {
      name: "an unknown field",
      value: { portfolio: { ...HTTP, fields: { equty: "x" } } },
      problem: 'sources.portfolio.fields: unknown key "equty"; did you mean "equity"?',
    },
    {
      name: "an unknown type",
      value: { portfolio: { ...ALPACA, type: "ibkr" } },
      problem: "sources.portfolio.type must be alpaca or sql or http",
    },
    {
      name: "a type that every object has",
      value: { portfolio: { type: "toString" } },
      problem: "sources.portfolio.type must be alpaca or sql or http",
    },
    {
      name: "no type",
      value: { probes: { appStart: { key: "started" } } },
      problem: `sources.probes.appStart must be ${TYPES} redis, sql, ssm, http`,
    },
    {
      name: "missing keys, all of them",
      value: { portfolio: { type: "alpaca" } },
      problem: "sources.portfolio needs account and keyId and secretKey",
    },
    {
      name: "a probe without a URL",
      value: { probes: { redis: {} } },
      problem: "sources.probes.redis needs url",
    },
    { name: "no object", value: [], problem: "sources must be an object" },
    {
      name: "a mode of neither",
      value: { mode: "backtest" },
      problem: "sources.mode must be one of paper, live",
    },
    {
      name: "a time zone that is none",
      value: { timeZone: "America/New York" },
      problem: "sources.timeZone must be a time zone such as America/New_York",
    },
    ...["", "7:00", "24:00", "17:60", "17:00:00", " 17:00"].map((dayStartsAt) => ({
      name: `a day that starts at ${JSON.stringify(dayStartsAt)}`,
      value: { dayStartsAt },
      problem: "sources.dayStartsAt must be a time of day such as 17:00",
    })),
    ...[0, -1, 60.5, "5", Number.NaN].map((timeoutSeconds) => ({
      name: `a timeout of ${timeoutSeconds}`,
      value: { timeoutSeconds },
      problem: "sources.timeoutSeconds must be a number of seconds above 0, at most 60",
    })),
    ...[0, -5, "100", null].map((startCapital) => ({
      name: `a start capital of ${startCapital}`,
      value: { startCapital },
      problem: "sources.startCapital must be an amount above 0",
    })),
    {
      name: "a password in a connection string",
      value: { portfolio: { ...SQL, url: `postgres://me:${PASSWORD}@db/x` } },
      problem: `sources.portfolio.url ${HELD}`,
    },
    {
      name: "a password in its query",
      value: { probes: { timescale: { url: `postgres://db/x?password=${PASSWORD}` } } },
      problem: `sources.probes.timescale.url ${HELD}`,
    },
    {
      name: "a password in the URL of a value",
      value: { probes: { appStart: { ...VALUE.redis, url: `redis://:${PASSWORD}@redis` } } },
      problem: `sources.probes.appStart.url ${HELD}`,
    },
    {
      name: "an address that is no URL",
      value: { probes: { redis: { url: `${PASSWORD} at redis` } } },
      problem: `sources.probes.redis.url must be ${ADDRESS}`,
    },
    ...[`https://me:${PASSWORD}@bot`, `https://${PASSWORD}@bot`, "ftp://bot", "httpx://bot"].map(
      (url) => ({
        name: `the URL ${url}`,
        value: { portfolio: { ...HTTP, url } },
        problem: "sources.portfolio.url must be an http(s) URL without user-info",
      }),
    ),
    ...[PASSWORD, {}, { env: 1 }, { env: "" }, { env: "A", file: "b" }, { ssm: "" }].map(
      (given) => ({
        name: `the secret ${JSON.stringify(given)}`,
        value: { portfolio: { ...ALPACA, secretKey: given } },
        problem:
          'sources.portfolio.secretKey must be { "env": "NAME" }, { "file": "PATH" } or { "ssm": "NAME" }: secrets are not written into this file',
      }),
    ),
    ...["", 5, true].map((equity) => ({
      name: `the path ${JSON.stringify(equity)}`,
      value: { portfolio: { ...HTTP, fields: { equity } } },
      problem:
        'sources.portfolio.fields.equity must be a path such as "data.total", or { "path", "scale" }',
    })),
    {
      name: "a factor of 0",
      value: { portfolio: { ...HTTP, fields: { equity: { path: "x", scale: 0 } } } },
      problem: "sources.portfolio.fields.equity.scale must be a number above 0",
    },
    {
      name: "a factor without a path",
      value: { portfolio: { ...HTTP, fields: { equity: { scale: 2 } } } },
      problem: "sources.portfolio.fields.equity needs path",
    },
    {
      name: "a word for a missing switch that says it is active",
      value: { probes: { killSwitch: { value: VALUE.redis, absent: "active" } } },
      problem: "sources.probes.killSwitch.absent must be one of inactive, unknown",
    },
  ])("$name", ({ value, problem }) => {
    const problems: string[] = [];
    sources.read(value, "sources", problems);
    expect(problems).toEqual([problem]);
    expect(problems.join()).not.toContain(PASSWORD);
  });

  test("everything at once, and nothing of what is wrong is read", () => {
    const problems: string[] = [];
    const value = { mode: "x", startCapital: 0, portfolio: { type: "sql" }, probes: { redis: 7 } };
    expect(sources.read(value, "sources", problems)).toEqual({ probes: {} });
    expect(problems).toEqual([
      "sources.mode must be one of paper, live",
      "sources.startCapital must be an amount above 0",
      "sources.portfolio needs url and query",
      "sources.probes.redis must be an object",
    ]);
  });
});
