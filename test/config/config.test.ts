import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Config, type ConfigSources, readConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";

let root: string;
let cwd: string;
let home: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "closing-bell-config-"));
  cwd = join(root, "project");
  home = join(root, "home");
  mkdirSync(cwd);
  mkdirSync(home);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("the gateway is named by", () => {
  const flag = "http://flag:1";
  const env = "http://env:1";
  const project = "http://project:1";
  const user = "http://user:1";

  test.each<{ name: string; given: Readonly<Record<string, string>>; base: string | undefined }>([
    { name: "the flag before all others", given: { flag, env, project, user }, base: flag },
    { name: "the environment before files", given: { env, project, user }, base: env },
    { name: "the project file before the user's", given: { project, user }, base: project },
    { name: "the user file", given: { user }, base: user },
    { name: "nobody, and then there is none", given: {}, base: undefined },
    { name: "a file when the variable is empty", given: { env: "", user }, base: user },
  ])("$name", ({ given, base }) => {
    if (given["project"]) writeProject({ gateway: { url: given["project"] } });
    if (given["user"]) writeUser({ gateway: { url: given["user"] } });

    const config = read({
      env: given["env"] === undefined ? {} : { PUSHGATEWAY_URL: given["env"] },
      ...(given["flag"] === undefined ? {} : { gatewayUrl: given["flag"] }),
    });

    expect(config.gateway?.base).toBe(base);
  });

  test("a URL whose user-info is taken out of it", () => {
    const config = read({ env: { PUSHGATEWAY_URL: "https://me:pass%2Fword@gw.example/prom/" } });

    expect(config.gateway).toEqual({
      base: "https://gw.example/prom",
      credentials: { type: "basic", username: "me", password: "pass/word" },
    });
  });
});

describe("the project file is", () => {
  beforeEach(() => {
    write(join(cwd, "closing-bell.json"), { jobs: { here: {} } });
    write(join(cwd, "conf", "env.json"), { jobs: { env: {} } });
    write(join(cwd, "conf", "flag.json"), { jobs: { flag: {} } });
  });

  test.each<{ name: string; sources: Partial<ConfigSources>; job: string }>([
    { name: "closing-bell.json in the working directory", sources: {}, job: "here" },
    {
      name: "the one that CLOSING_BELL_CONFIG names",
      sources: { env: { CLOSING_BELL_CONFIG: "conf/env.json" } },
      job: "env",
    },
    {
      name: "the one that --config names, before all",
      sources: { env: { CLOSING_BELL_CONFIG: "conf/env.json" }, configPath: "conf/flag.json" },
      job: "flag",
    },
    {
      name: "the usual one when CLOSING_BELL_CONFIG is empty",
      sources: { env: { CLOSING_BELL_CONFIG: "" } },
      job: "here",
    },
  ])("$name", ({ sources, job }) => {
    expect(Object.keys(read(sources).jobs)).toEqual([job]);
  });

  test.each<{ name: string; sources: Partial<ConfigSources> }>([
    { name: "--config", sources: { configPath: "nowhere.json" } },
    { name: "CLOSING_BELL_CONFIG", sources: { env: { CLOSING_BELL_CONFIG: "nowhere.json" } } },
  ])("missed when $name names one that is not there", ({ sources }) => {
    expect(problemsOf(sources)).toEqual([
      expect.stringMatching(`^${join(cwd, "nowhere.json")} cannot be read: .*ENOENT`),
    ]);
  });
});

describe("without a word about it", () => {
  test("there is no gateway, and all else has its default", () => {
    expect(read()).toEqual({
      ledger: { type: "files", directory: join(home, ".local", "state", "closing-bell") },
      publish: "completion",
      scrapeIntervalSeconds: 60,
      jobs: {},
      aiPrices: {},
    });
  });

  test("home is that of the environment", () => {
    writeUser({ publish: "scheduled" });

    expect(readConfig({ env: { HOME: home }, cwd })).toMatchObject({
      ledger: { directory: join(home, ".local", "state", "closing-bell") },
      publish: "scheduled",
    });
  });
});

describe("the ledger is", () => {
  const inFiles = (directory: string): Config["ledger"] => ({ type: "files", directory });

  test.each<{
    name: string;
    env?: Record<string, string>;
    project?: object;
    user?: object;
    directory: string;
  }>([
    {
      name: "the environment's before all",
      env: { CLOSING_BELL_LEDGER: "file:/env", CLOSING_BELL_STATE_DIR: "/state" },
      project: { ledger: "none" },
      directory: "/env",
    },
    {
      name: "in CLOSING_BELL_STATE_DIR before the files' one",
      env: { CLOSING_BELL_STATE_DIR: "/state" },
      project: { ledger: "file:/project" },
      directory: "/state",
    },
    {
      name: "the project file's before the user's",
      project: { ledger: "file:/project" },
      user: { ledger: "file:/user" },
      directory: "/project",
    },
    {
      name: "the user file's before the default",
      env: { XDG_STATE_HOME: "/xdg" },
      user: { ledger: "file:/user" },
      directory: "/user",
    },
    {
      name: "the default beside an empty variable",
      env: { CLOSING_BELL_LEDGER: "", CLOSING_BELL_STATE_DIR: "", XDG_STATE_HOME: "/xdg" },
      directory: "/xdg/closing-bell",
    },
  ])("$name", ({ env = {}, project = {}, user = {}, directory }) => {
    writeProject(project);
    writeUser(user);

    expect(read({ env }).ledger).toEqual(inFiles(directory));
  });

  test("in a directory relative to the file that names it, wherever one stands", () => {
    write(join(root, "conf", "bell.json"), { ledger: "file:../state" });
    expect(read({ configPath: "../conf/bell.json" }).ledger).toEqual(inFiles(join(root, "state")));

    writeUser({ ledger: "file:bell" });
    expect(read().ledger).toEqual(inFiles(join(home, ".config", "closing-bell", "bell")));
  });

  test("none when a file says so, or the environment against it", () => {
    writeUser({ ledger: "none" });
    expect(read().ledger).toEqual({ type: "none" });

    writeProject({ ledger: "file:/project" });
    expect(read().ledger).toEqual(inFiles("/project"));
    expect(read({ env: { CLOSING_BELL_LEDGER: "none" } }).ledger).toEqual({ type: "none" });
  });

  test.each([
    { value: "dynamodb:", problem: '"dynamodb:"; expected file:DIR, dynamodb:TABLE or none' },
    {
      value: "/var/lib/bell",
      problem: '"/var/lib/bell"; expected file:DIR, dynamodb:TABLE or none',
    },
    { value: "file:", problem: '"file:"; expected file:DIR, dynamodb:TABLE or none' },
    { value: "NONE", problem: '"NONE"; expected file:DIR, dynamodb:TABLE or none' },
  ])("not $value in the environment", ({ value, problem }) => {
    expect(problemsOf({ env: { CLOSING_BELL_LEDGER: value } })).toEqual([
      `CLOSING_BELL_LEDGER is ${problem}`,
    ]);
  });

  test("not relative in the environment: to what would it be?", () => {
    expect(problemsOf({ env: { CLOSING_BELL_LEDGER: "file:state" } })).toEqual([
      'CLOSING_BELL_LEDGER: the directory must be absolute, got "state"',
    ]);
  });
});

describe("publishing and the scrape interval are set by", () => {
  test.each<{
    name: string;
    env?: Record<string, string>;
    project?: object;
    user?: object;
    set: Pick<Config, "publish" | "scrapeIntervalSeconds">;
  }>([
    {
      name: "the environment before files",
      env: { CLOSING_BELL_PUBLISH: "completion", CLOSING_BELL_SCRAPE_INTERVAL: "15" },
      project: { publish: "scheduled", scrapeIntervalSeconds: 30 },
      set: { publish: "completion", scrapeIntervalSeconds: 15 },
    },
    {
      name: "the project file before the user's",
      project: { publish: "scheduled", scrapeIntervalSeconds: 0 },
      user: { publish: "completion", scrapeIntervalSeconds: 30 },
      set: { publish: "scheduled", scrapeIntervalSeconds: 0 },
    },
    {
      name: "the user file, each for itself",
      project: { scrapeIntervalSeconds: 7.5 },
      user: { publish: "scheduled", scrapeIntervalSeconds: 30 },
      set: { publish: "scheduled", scrapeIntervalSeconds: 7.5 },
    },
    {
      name: "a file when the variables are empty",
      env: { CLOSING_BELL_PUBLISH: "", CLOSING_BELL_SCRAPE_INTERVAL: "" },
      user: { publish: "scheduled", scrapeIntervalSeconds: 30 },
      set: { publish: "scheduled", scrapeIntervalSeconds: 30 },
    },
  ])("$name", ({ env = {}, project = {}, user = {}, set }) => {
    writeProject(project);
    writeUser(user);

    expect(read({ env })).toMatchObject(set);
  });

  test.each([
    ["0", 0],
    ["0.5", 0.5],
    ["0060", 60],
    ["3600", 3600],
  ])("CLOSING_BELL_SCRAPE_INTERVAL=%s", (text, seconds) => {
    const env = { CLOSING_BELL_SCRAPE_INTERVAL: text };

    expect(read({ env }).scrapeIntervalSeconds).toBe(seconds);
  });

  test.each(["-1", "1e2", "0x10", " 15", "15s", "+1", ".5", "1.", "1,5", "NaN", "9".repeat(400)])(
    "not by CLOSING_BELL_SCRAPE_INTERVAL=%s",
    (text) => {
      expect(problemsOf({ env: { CLOSING_BELL_SCRAPE_INTERVAL: text } })).toEqual([
        `CLOSING_BELL_SCRAPE_INTERVAL is "${text}"; expected a number of seconds, 0 or more`,
      ]);
    },
  );

  test.each(["complete", "Completion", "0"])("not by CLOSING_BELL_PUBLISH=%s", (text) => {
    expect(problemsOf({ env: { CLOSING_BELL_PUBLISH: text } })).toEqual([
      `CLOSING_BELL_PUBLISH is "${text}"; expected one of completion, scheduled`,
    ]);
  });
});

describe("the user file", () => {
  test("is in XDG_CONFIG_HOME, else in ~/.config", () => {
    writeUser({ jobs: { home: {} } });
    write(join(root, "xdg", "closing-bell", "closing-bell.json"), { jobs: { xdg: {} } });

    expect(Object.keys(read().jobs)).toEqual(["home"]);
    expect(Object.keys(read({ env: { XDG_CONFIG_HOME: join(root, "xdg") } }).jobs)).toEqual([
      "xdg",
    ]);
  });

  test("gives the jobs that the project file does not have", () => {
    writeUser({ jobs: { both: { mode: "live", labels: { desk: "a" } }, mine: { mode: "paper" } } });
    writeProject({ jobs: { both: { mode: "backtest" } } });

    expect(read().jobs).toEqual({ both: { mode: "backtest" }, mine: { mode: "paper" } });
  });
});

test("closing-bell.json of this repository reads clean", () => {
  const repository = fileURLToPath(new URL("../..", import.meta.url));

  const { jobs, ...others } = read({ cwd: repository });

  expect({ ...others, jobs: {} }).toEqual(read());
  expect(Object.keys(jobs)).toEqual(["backtest", "analysis", "closing_bell_reporter"]);
});

test("a job may have any name", () => {
  writeProject('{ "jobs": { "__proto__": { "mode": "live" }, "a b/ä": {} } }');

  const { jobs } = read();

  expect(Object.entries(jobs)).toEqual([
    ["__proto__", { mode: "live" }],
    ["a b/ä", {}],
  ]);
});

describe("a file is refused for", () => {
  const secretsElsewhere =
    'must be { "env": "NAME" }, { "file": "PATH" } or { "ssm": "NAME" }: secrets are not written into this file';

  test.each<{ name: string; content: unknown; problem: string }>([
    {
      name: "an unknown key, with the nearest",
      content: { gatway: {} },
      problem: 'unknown key "gatway"; did you mean "gateway"?',
    },
    {
      name: "an unknown key below another, with its place",
      content: { gateway: { uri: "http://gw" } },
      problem: 'gateway: unknown key "uri"; did you mean "url"?',
    },
    {
      name: "an unknown key that is like none, with all",
      content: { jobs: { nightly: { timetable: "daily" } } },
      problem:
        'jobs.nightly: unknown key "timetable"; known: labels, mode, schedule, maxAge, maxDuration, severityOnMiss, expect',
    },
    {
      name: "a key that JavaScript knows and we do not",
      content: '{ "constructor": {} }',
      problem:
        'unknown key "constructor"; known: gateway, ledger, publish, scrapeIntervalSeconds, jobs, sources, prune, aiPrices',
    },
    {
      name: "a price that is text",
      content: { aiPrices: { "claude-x": { input: "3", output: 15 } } },
      problem: "aiPrices.claude-x.input must be USD, 0 or more",
    },
    {
      name: "a price of one side only",
      content: { aiPrices: { "claude-x": { input: 3 } } },
      problem: "aiPrices.claude-x needs output",
    },
    {
      name: "a mistyped price",
      content: { aiPrices: { "claude-x": { input: 3, output: 15, cachRead: 0.3 } } },
      problem: 'aiPrices.claude-x: unknown key "cachRead"; did you mean "cacheRead"?',
    },
    {
      name: "a mistyped ledger",
      content: { legder: "none" },
      problem: 'unknown key "legder"; did you mean "ledger"?',
    },
    {
      name: "a mistyped way of publishing",
      content: { published: "scheduled" },
      problem: 'unknown key "published"; did you mean "publish"?',
    },
    {
      name: "a scrape interval without its unit",
      content: { scrapeIntervalSecs: 15 },
      problem: 'unknown key "scrapeIntervalSecs"; did you mean "scrapeIntervalSeconds"?',
    },
    {
      name: "a ledger of a kind that there is not",
      content: { ledger: "redis:totals" },
      problem: "ledger must be file:DIR, dynamodb:TABLE or none",
    },
    {
      name: "a ledger in no directory",
      content: { ledger: "file:" },
      problem: "ledger must be file:DIR, dynamodb:TABLE or none",
    },
    {
      name: "a ledger that is null",
      content: { ledger: null },
      problem: "ledger must be file:DIR, dynamodb:TABLE or none",
    },
    {
      name: "a way of publishing that is none",
      content: { publish: "never" },
      problem: "publish must be one of completion, scheduled",
    },
    {
      name: "a scrape interval in text",
      content: { scrapeIntervalSeconds: "15" },
      problem: "scrapeIntervalSeconds must be a number of seconds, 0 or more",
    },
    {
      name: "a scrape interval below 0",
      content: { scrapeIntervalSeconds: -1 },
      problem: "scrapeIntervalSeconds must be a number of seconds, 0 or more",
    },
    {
      name: "a scrape interval without end",
      content: '{ "scrapeIntervalSeconds": 1e999 }',
      problem: "scrapeIntervalSeconds must be a number of seconds, 0 or more",
    },
    { name: "a list", content: [], problem: "the file must be an object" },
    { name: "null", content: null, problem: "the file must be an object" },
    {
      name: "a gateway that is text",
      content: { gateway: "http://gw" },
      problem: "gateway must be an object",
    },
    {
      name: "a URL that is a number",
      content: { gateway: { url: 9091 } },
      problem: "gateway.url must be an http(s) URL without user-info",
    },
    {
      name: "a password in the URL",
      content: { gateway: { url: "http://me:secret@gw" } },
      problem:
        "gateway.url holds a user name or password; give it in PUSHGATEWAY_URL, or as gateway.username and gateway.password",
    },
    {
      name: "a user name in the URL",
      content: { gateway: { url: "http://me@gw" } },
      problem:
        "gateway.url holds a user name or password; give it in PUSHGATEWAY_URL, or as gateway.username and gateway.password",
    },
    {
      name: "a password in plain sight",
      content: { gateway: { username: "me", password: "secret" } },
      problem: `gateway.password ${secretsElsewhere}`,
    },
    {
      name: "a token from two places",
      content: { gateway: { token: { env: "A", file: "b" } } },
      problem: `gateway.token ${secretsElsewhere}`,
    },
    {
      name: "a token from a place we do not know",
      content: { gateway: { token: { vault: "a" } } },
      problem: `gateway.token ${secretsElsewhere}`,
    },
    {
      name: "a mode that is none",
      content: { jobs: { nightly: { mode: "production" } } },
      problem: "jobs.nightly.mode must be one of backtest, paper, live",
    },
    {
      name: "a label that is a number",
      content: { jobs: { nightly: { labels: { desk: 7 } } } },
      problem: "jobs.nightly.labels.desk must be a string that is not empty",
    },
    {
      name: "labels in a list",
      content: { jobs: { nightly: { labels: ["desk"] } } },
      problem: "jobs.nightly.labels must be an object",
    },
    { name: "jobs in a list", content: { jobs: [] }, problem: "jobs must be an object" },
  ])("$name", ({ content, problem }) => {
    const file = writeProject(content);

    expect(problemsOf()).toEqual([`${file}: ${problem}`]);
  });

  test.each<{ name: string; content: string; problem: string }>([
    { name: "being empty", content: "", problem: "Unexpected end of JSON input" },
    {
      name: "a comma too many",
      content: '{ "jobs": {}, }',
      problem: "Expected double-quoted property name in JSON at position 14",
    },
    { name: "not being JSON", content: "gateway: http", problem: "Unexpected token 'g'" },
  ])("$name", ({ content, problem }) => {
    const file = writeProject(content);

    const [told, ...others] = problemsOf();

    expect(told).toMatch(new RegExp(`^${file} is not JSON: ${problem}( \\(line 1 column 15\\))?$`));
    expect(others).toEqual([]);
  });

  test.each(["127.0.0.1:9091", "ftp://gw", "http://gw/?x=1", "http://169.254.169.254"])(
    "a gateway at %s, with the reason",
    (url) => {
      const file = writeProject({ gateway: { url } });

      expect(problemsOf()).toEqual([expect.stringMatching(`^${file}: gateway.url: gateway URL .`)]);
    },
  );

  test("not being readable", () => {
    mkdirSync(join(cwd, "closing-bell.json"));

    expect(problemsOf()).toEqual([expect.stringContaining("closing-bell.json cannot be read: ")]);
  });
});

test("every problem of every source is told at once", () => {
  const project = writeProject({
    gateway: { url: "gw", caFile: "" },
    scrapeIntervalSeconds: -5,
    jobs: { nightly: { mod: "live" } },
  });
  const user = writeUser("{");

  const error = errorOf({
    env: {
      PUSHGATEWAY_URL: "gopher://gw",
      CLOSING_BELL_LEDGER: "redis:totals",
      CLOSING_BELL_PUBLISH: "never",
      CLOSING_BELL_SCRAPE_INTERVAL: "1m",
    },
  });

  expect(error.problems).toEqual([
    expect.stringMatching(`^${project}: gateway.url: `),
    `${project}: gateway.caFile must be a path`,
    `${project}: scrapeIntervalSeconds must be a number of seconds, 0 or more`,
    `${project}: jobs.nightly: unknown key "mod"; did you mean "mode"?`,
    expect.stringMatching(`^${user} is not JSON: `),
    expect.stringMatching("^PUSHGATEWAY_URL: gateway URL has .*scheme"),
    'CLOSING_BELL_LEDGER is "redis:totals"; expected file:DIR, dynamodb:TABLE or none',
    'CLOSING_BELL_PUBLISH is "never"; expected one of completion, scheduled',
    'CLOSING_BELL_SCRAPE_INTERVAL is "1m"; expected a number of seconds, 0 or more',
  ]);
  for (const problem of error.problems) expect(error.message).toContain(problem);
});

describe("credentials of a file", () => {
  const url = "http://project:1";

  test.each<{ name: string; gateway: object; credentials: NonNullable<Config["gateway"]> }>([
    {
      name: "a password from the environment",
      gateway: { username: "me", password: { env: "GW_PASSWORD" } },
      credentials: {
        base: url,
        credentials: { type: "basic", username: "me", password: "from env" },
      },
    },
    {
      name: "a password from a file beside it, without its last line break",
      gateway: { username: "me", password: { file: "secrets/password" } },
      credentials: {
        base: url,
        credentials: { type: "basic", username: "me", password: "from file" },
      },
    },
    {
      name: "a bearer token",
      gateway: { token: { env: "GW_PASSWORD" } },
      credentials: { base: url, credentials: { type: "bearer", token: "from env" } },
    },
    {
      name: "certificate authorities",
      gateway: { caFile: "secrets/ca.pem" },
      credentials: { base: url, ca: "PEM\n" },
    },
  ])("are read: $name", ({ gateway, credentials }) => {
    write(join(cwd, "conf", "secrets", "password"), "from file\n");
    write(join(cwd, "conf", "secrets", "ca.pem"), "PEM\n");
    write(join(cwd, "conf", "gw.json"), { gateway: { url, ...gateway } });

    const config = read({ configPath: "conf/gw.json", env: { GW_PASSWORD: "from env" } });

    expect(config.gateway).toEqual(credentials);
  });

  test.each<{ name: string; gateway: object; problem: string }>([
    {
      name: "an environment variable",
      gateway: { token: { env: "NOT_SET" } },
      problem: "gateway.token: the environment variable NOT_SET is not set",
    },
    {
      name: "an environment variable that is empty",
      gateway: { token: { env: "EMPTY" } },
      problem: "gateway.token: the environment variable EMPTY is not set",
    },
    {
      name: "a file",
      gateway: { username: "me", password: { file: "nowhere" } },
      problem: "gateway.password cannot be read: .*ENOENT",
    },
    {
      name: "a file that is empty",
      gateway: { username: "me", password: { file: "empty" } },
      problem: "gateway.password: empty is empty",
    },
    {
      name: "a user name to the password",
      gateway: { password: { env: "SET" } },
      problem: "gateway.username and gateway.password go together",
    },
    {
      name: "a password to the user name",
      gateway: { username: "me" },
      problem: "gateway.username and gateway.password go together",
    },
    {
      name: "the file of certificate authorities",
      gateway: { caFile: "nowhere" },
      problem: "gateway.caFile cannot be read: .*ENOENT",
    },
  ])("are missed: $name", ({ gateway, problem }) => {
    write(join(cwd, "empty"), "\n");
    const file = writeProject({ gateway: { url, ...gateway } });

    expect(problemsOf({ env: { EMPTY: "", SET: "set" } })).toEqual([
      expect.stringMatching(`^${file}: ${problem}`),
    ]);
  });

  const withToken = { url: "http://own:1", token: { env: "FILE_TOKEN" } };

  test.each<{ name: string; sources: Partial<ConfigSources>; project?: object; user?: object }>([
    {
      name: "the gateway of a flag",
      sources: { gatewayUrl: "http://other:1" },
      project: withToken,
    },
    {
      name: "the gateway of the environment",
      sources: { env: { PUSHGATEWAY_URL: "http://other:1" } },
      project: withToken,
    },
    {
      name: "the project's gateway, being the user's",
      sources: {},
      project: { url: "http://other:1" },
      user: withToken,
    },
    {
      name: "the user's gateway, being the project's",
      sources: {},
      project: { token: { env: "FILE_TOKEN" } },
      user: { url: "http://other:1" },
    },
  ])("are not sent to $name", ({ sources, project, user }) => {
    if (project !== undefined) writeProject({ gateway: project });
    if (user !== undefined) writeUser({ gateway: user });

    const { env, ...others } = sources;

    expect(read({ env: { FILE_TOKEN: "secret", ...env }, ...others }).gateway).toEqual({
      base: "http://other:1",
    });
  });

  test("give way to PUSHGATEWAY_TOKEN, and that to the URL's own", () => {
    writeProject({ gateway: withToken });
    const env = { FILE_TOKEN: "of the file", PUSHGATEWAY_TOKEN: "of the environment" };

    expect(read({ env }).gateway).toEqual({
      base: "http://own:1",
      credentials: { type: "bearer", token: "of the environment" },
    });
    expect(read({ env, gatewayUrl: "http://me:pw@gw" }).gateway).toEqual({
      base: "http://gw",
      credentials: { type: "basic", username: "me", password: "pw" },
    });
  });

  test("of PUSHGATEWAY_URL are not sent to the gateway of a flag", () => {
    const env = { PUSHGATEWAY_URL: "http://me:secret@env:1" };

    expect(read({ env, gatewayUrl: "http://flag:1" }).gateway).toEqual({ base: "http://flag:1" });
  });
});

describe("no message shows a secret", () => {
  /** A message that quotes more than one character of it shows it. */
  const SECRET = "§".repeat(24);
  const shown = "§§";

  test.each<{ name: string; content: string }>([
    { name: "that is the password", content: `{"gateway":{"password":"${SECRET}"}}` },
    { name: "that is the token", content: `{"gateway":{"token":["${SECRET}"]}}` },
    {
      name: "in the reference's place",
      content: `{"gateway":{"token":{"value":"${SECRET}"}}}`,
    },
    { name: "in the URL", content: `{"gateway":{"url":"http://me:${SECRET}@gw"}}` },
    { name: "in a URL that is none", content: `{"gateway":{"url":"me:${SECRET}@gw:9091"}}` },
    { name: "in the query", content: `{"gateway":{"url":"http://gw/?token=${SECRET}"}}` },
    { name: "in the wrong place", content: `{"jobs":{"a":{"mode":"${SECRET}"}}}` },
  ])("$name", ({ content }) => {
    writeProject(content);

    expect(errorOf().message).not.toContain(shown);
  });

  test("of a file that is cut off, or spoiled by a character, anywhere", () => {
    const content = `{"gateway":{"url":"http://gw","username":"me","password":"${SECRET}"}}`;
    for (let at = 0; at < content.length; at++) {
      for (const spoilt of [
        content.slice(0, at),
        `${content.slice(0, at)}"${content.slice(at)}`,
        `${content.slice(0, at)}\n${content.slice(at)}`,
        `${content.slice(0, at)}${content.slice(at + 1)}`,
      ]) {
        writeProject(spoilt);
        expect(errorOf().message).not.toContain(shown);
      }
    }
  });

  test.each<{ name: string; url: string }>([
    { name: "no scheme", url: `me:${SECRET}@gw:9091` },
    { name: "a slash in it", url: `http://me:a/${SECRET}@gw:9091` },
    { name: "a percent sign in it", url: `http://me:100%${SECRET}@gw:9091` },
    { name: "a fragment", url: `http://me:${SECRET}@gw:9091/#x` },
    { name: "another scheme", url: `postgres://me:${SECRET}@gw:9091` },
    { name: "a metadata service", url: `http://me:${SECRET}@169.254.169.254` },
  ])("of a gateway URL with $name", ({ url }) => {
    for (const sources of [{ gatewayUrl: url }, { env: { PUSHGATEWAY_URL: url } }]) {
      const { message } = errorOf(sources);
      expect(message).not.toContain(shown);
      expect(message).not.toContain(encodeURIComponent(shown));
    }
  });
});

function read(sources: Partial<ConfigSources> = {}): Config {
  return readConfig({ env: {}, cwd, home, ...sources });
}

function errorOf(sources: Partial<ConfigSources> = {}): ConfigError {
  try {
    read(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was taken");
}

function problemsOf(sources: Partial<ConfigSources> = {}): readonly string[] {
  return errorOf(sources).problems;
}

function writeProject(content: unknown): string {
  return write(join(cwd, "closing-bell.json"), content);
}

function writeUser(content: unknown): string {
  return write(join(home, ".config", "closing-bell", "closing-bell.json"), content);
}

/** Text as it is, anything else as JSON. */
function write(path: string, content: unknown): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}
