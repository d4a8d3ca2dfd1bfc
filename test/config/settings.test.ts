import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ConfigSources, readSettings, type Settings } from "../../src/config/config.ts";
import { type Origin, originText } from "../../src/config/origin.ts";

let root: string;
let project: string;
let user: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "closing-bell-settings-"));
  project = join(root, "project", "closing-bell.json");
  user = join(root, "home", ".config", "closing-bell", "closing-bell.json");
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("a setting's origin is", () => {
  test("the flag, the variable, the file or the default that won, each for itself", () => {
    write(project, { publish: "scheduled", jobs: { mine: { mode: "live" } } });
    write(user, { publish: "completion", scrapeIntervalSeconds: 15, jobs: { mine: {}, ours: {} } });

    const settings = read({
      env: { PUSHGATEWAY_URL: "http://env:1", CLOSING_BELL_STATE_DIR: "/state" },
      gatewayUrl: "http://flag:1",
    });

    expect(settings).toMatchObject({
      gateway: {
        base: { value: "http://flag:1", origin: { type: "flag", name: "--gateway" } },
      },
      ledger: { origin: { type: "environment", name: "CLOSING_BELL_STATE_DIR" } },
      publish: { value: "scheduled", origin: { type: "file", path: project } },
      scrapeIntervalSeconds: { value: 15, origin: { type: "file", path: user } },
      jobs: {
        mine: { value: { mode: "live" }, origin: { type: "file", path: project } },
        ours: { value: {}, origin: { type: "file", path: user } },
      },
      problems: [],
    });
    expect(settings.gateway).not.toHaveProperty("credentials");
  });

  test("the default where nobody says anything", () => {
    const byDefault = { origin: { type: "default" } };

    expect(read()).toMatchObject({
      gateway: { base: { value: undefined, ...byDefault } },
      ledger: byDefault,
      publish: { value: "completion", ...byDefault },
      scrapeIntervalSeconds: { value: 60, ...byDefault },
      files: [
        { path: project, status: "absent", ...byDefault },
        { path: user, status: "absent", ...byDefault },
      ],
    });
  });

  test.each<{
    name: string;
    gateway?: object;
    env?: Record<string, string>;
    origin: () => Origin;
  }>([
    {
      name: "the URL that holds it",
      env: { PUSHGATEWAY_URL: "http://me:secret@gw" },
      origin: () => ({ type: "environment", name: "PUSHGATEWAY_URL" }),
    },
    {
      name: "PUSHGATEWAY_TOKEN",
      env: { PUSHGATEWAY_URL: "http://gw", PUSHGATEWAY_TOKEN: "secret" },
      origin: () => ({ type: "environment", name: "PUSHGATEWAY_TOKEN" }),
    },
    {
      name: "the variable that a file names",
      gateway: { username: "me", password: { env: "GW" } },
      env: { GW: "secret" },
      origin: () => ({ type: "environment", name: "GW", namedIn: project }),
    },
    {
      name: "the file that a file names",
      gateway: { token: { file: "token" } },
      origin: () => ({ type: "file", path: join(dirname(project), "token"), namedIn: project }),
    },
  ])("for a secret, $name", ({ gateway, env = {}, origin }) => {
    if (gateway !== undefined) write(project, { gateway: { url: "http://gw", ...gateway } });
    write(join(dirname(project), "token"), "secret\n");

    const { gateway: read_, problems } = read({ env });

    expect(problems).toEqual([]);
    expect(read_?.credentials?.origin).toEqual(origin());
  });

  test("for certificate authorities, the file that names them", () => {
    write(join(root, "ca.pem"), "PEM");
    write(user, { gateway: { caFile: join(root, "ca.pem") } });

    expect(read({ gatewayUrl: "https://gw" }).gateway?.caFile).toEqual({
      value: { path: join(root, "ca.pem"), pem: "PEM" },
      origin: { type: "file", path: user },
    });
  });
});

describe("what cannot be known is absent, and all else is read", () => {
  test("a setting with a problem of its own", () => {
    const settings = read({
      env: {
        PUSHGATEWAY_URL: "gw",
        CLOSING_BELL_LEDGER: "redis:x",
        CLOSING_BELL_PUBLISH: "never",
      },
    });

    expect(Object.keys(settings).sort()).toEqual([
      "aiPrices",
      "files",
      "jobs",
      "problems",
      "scrapeIntervalSeconds",
    ]);
    expect(settings.problems).toHaveLength(3);
  });

  test("all that a faulty file may have meant to say, but not what was said before it", () => {
    write(project, { gatway: { url: "http://project:1" }, publish: "scheduled" });
    write(user, { gateway: { url: "http://user:1" }, scrapeIntervalSeconds: 15 });

    const settings = read({ env: { CLOSING_BELL_LEDGER: "none" } });

    expect(settings.problems).toHaveLength(1);
    expect(settings).toMatchObject({
      ledger: { value: { type: "none" } },
      publish: { value: "scheduled" },
      files: [{ status: "faulty" }, { status: "read" }],
    });
    expect(settings).not.toHaveProperty("gateway");
    expect(settings).not.toHaveProperty("scrapeIntervalSeconds");
  });

  test("a gateway whose secret is missing: without it, it would answer otherwise", () => {
    write(project, { gateway: { url: "http://gw", token: { env: "NOT_SET" } } });

    const settings = read();

    expect(settings.problems).toHaveLength(1);
    expect(settings).not.toHaveProperty("gateway");
  });
});

describe("credentials that are not sent, because they belong to another gateway, are told", () => {
  const gateway = { url: "http://own:1", token: { env: "T" } };

  test.each<{ name: string; sources: Partial<ConfigSources>; withheld: boolean }>([
    { name: "beside a gateway of the environment", sources: {}, withheld: true },
    {
      name: "beside one of a flag",
      sources: { gatewayUrl: "http://other:2" },
      withheld: true,
    },
    {
      name: "but not where others are sent",
      sources: { gatewayUrl: "http://me:pw@other:2" },
      withheld: false,
    },
  ])("$name", ({ sources, withheld }) => {
    write(user, { gateway });
    const env = { PUSHGATEWAY_URL: "http://other:1", T: "secret" };

    const settings = read({ env, ...sources });

    expect(settings.problems).toEqual([]);
    expect(settings.gateway?.withheldIn).toBe(withheld ? user : undefined);
  });

  test("and not of the gateway's own file", () => {
    write(project, { gateway });

    expect(read({ env: { T: "secret" } }).gateway).not.toHaveProperty("withheldIn");
  });
});

test.each<{ origin: Origin; text: string }>([
  { origin: { type: "flag", name: "--gateway" }, text: "--gateway" },
  { origin: { type: "environment", name: "NAME" }, text: "NAME" },
  {
    origin: { type: "environment", name: "NAME", namedIn: "/a.json" },
    text: "NAME, named in /a.json",
  },
  { origin: { type: "file", path: "/a.json" }, text: "/a.json" },
  { origin: { type: "file", path: "/s", namedIn: "/a.json" }, text: "/s, named in /a.json" },
  { origin: { type: "default" }, text: "default" },
])("an origin reads $text", ({ origin, text }) => {
  expect(originText(origin)).toBe(text);
});

function read(sources: Partial<ConfigSources> = {}): Settings {
  return readSettings({ env: {}, cwd: dirname(project), home: join(root, "home"), ...sources });
}

function write(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}
