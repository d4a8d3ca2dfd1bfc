import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ConfigSources, readConfig, readSettings } from "../../../src/config/config.ts";
import { originText } from "../../../src/config/origin.ts";
import { readSources } from "../../../src/config/sources-settings.ts";
import { createParameterStore } from "../../../src/config/ssm/parameter-store.ts";
import {
  readConfigWithParameters,
  withParameters,
} from "../../../src/config/ssm/with-parameters.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  refusal,
  serveParameters,
} from "../../support/parameter-store.ts";

const PATH = "/closing-bell/prod";
const BELOW = ["gateway-url", "gateway-username", "gateway-password", "gateway-token"].map(
  (name) => `${PATH}/${name}`,
);
const SECRET = "opensesame";
const GATEWAY = { url: "http://own:1", username: "bell", password: { ssm: "/own/password" } };

let ssm: ParameterServer;
let root: string;
let project: string;
let user: string;

beforeEach(async () => {
  ssm = await serveParameters();
  root = mkdtempSync(join(tmpdir(), "closing-bell-parameters-"));
  project = join(root, "project", "closing-bell.json");
  user = join(root, "home", ".config", "closing-bell", "closing-bell.json");
  mkdirSync(dirname(project));
});

afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await ssm.close();
});

describe("with a path, SSM is the source after the files", () => {
  const env = { CLOSING_BELL_SSM_PATH: PATH };

  test.each<{ name: string; parameters: Record<string, string>; gateway: object | undefined }>([
    { name: "that may say nothing", parameters: {}, gateway: undefined },
    { name: "of a URL", parameters: { url: "https://gw/p/" }, gateway: { base: "https://gw/p" } },
    {
      name: "of user name and password",
      parameters: { url: "https://gw", username: "bell", password: SECRET },
      gateway: {
        base: "https://gw",
        credentials: { type: "basic", username: "bell", password: SECRET },
      },
    },
    {
      name: "of a token, before those",
      parameters: { url: "https://gw", username: "bell", password: "pw", token: SECRET },
      gateway: { base: "https://gw", credentials: { type: "bearer", token: SECRET } },
    },
    {
      name: "of user-info, before all",
      parameters: { url: `https://me:${SECRET}@gw`, token: "other" },
      gateway: {
        base: "https://gw",
        credentials: { type: "basic", username: "me", password: SECRET },
      },
    },
    { name: "not of credentials alone", parameters: { token: SECRET }, gateway: undefined },
  ])("$name", async ({ parameters, gateway }) => {
    for (const [name, value] of Object.entries(parameters)) {
      ssm.parameters.set(`${PATH}/gateway-${name}`, value);
    }
    expect((await readConfigWithParameters(sourcesWith({ env }), storeOf())).gateway).toEqual(
      gateway,
    );
    expect(ssm.calls.map(({ names }) => names)).toEqual([BELOW]);
  });

  test("what goes before it is not sent its credentials, and nothing is asked for", async () => {
    for (const name of BELOW) ssm.parameters.set(name, "http://ssm:1");
    const flag = await withParameters(sourcesWith({ env, gatewayUrl: "http://flag:1" }), storeOf());
    expect(readSettings(flag).gateway).toMatchObject({
      base: { value: "http://flag:1" },
      withheldIn: `SSM ${PATH}`,
    });
    // Not even when they were fetched.
    write(project, { gateway: { url: "http://file:1" } });
    const parameters = new Map(ssm.parameters);
    expect(readConfig(sourcesWith({ env, parameters })).gateway).toEqual({ base: "http://file:1" });
    expect(ssm.calls).toEqual([]);
  });

  test("a file's credentials are not sent to its gateway", async () => {
    ssm.parameters.set(`${PATH}/gateway-url`, "http://ssm:1");
    write(user, { gateway: { username: "bell", password: { env: "P" } } });
    const sources = await withParameters(sourcesWith({ env: { ...env, P: SECRET } }), storeOf());
    const { gateway, problems } = readSettings(sources);
    expect(gateway).toEqual({
      base: { value: "http://ssm:1", origin: { type: "ssm", name: `${PATH}/gateway-url` } },
      withheldIn: user,
    });
    expect(problems).toEqual([]);
  });

  test.each<{ name: string; env?: object; parameters?: Map<string, string>; problem: string }>([
    {
      name: "nobody fetched anything",
      problem: `CLOSING_BELL_SSM_PATH is ${PATH}, but parameters of SSM were not fetched`,
    },
    {
      name: "the path is none",
      env: { CLOSING_BELL_SSM_PATH: "bell" },
      problem:
        'CLOSING_BELL_SSM_PATH is "bell"; expected a path of parameters such as /closing-bell/prod',
    },
    {
      name: "half of basic auth is missing",
      parameters: new Map([
        [BELOW[0] ?? "", "http://gw"],
        [BELOW[2] ?? "", SECRET],
      ]),
      problem: `SSM ${PATH}: gateway-username and gateway-password go together`,
    },
    {
      name: "the URL is none",
      parameters: new Map([[BELOW[0] ?? "", SECRET]]),
      problem: `SSM ${PATH}/gateway-url: gateway URL is not a URL; expected e.g. http://127.0.0.1:9091`,
    },
  ])("it is a problem that $name", ({ env: own = {}, parameters, problem }) => {
    const given = parameters === undefined ? {} : { parameters };
    const settings = readSettings(sourcesWith({ env: { ...env, ...own }, ...given }));
    expect(settings.problems).toEqual([problem]);
    expect(settings).not.toHaveProperty("gateway");
  });
});

describe("a reference", () => {
  const sql = { type: "sql", url: { ssm: "/db/url" }, query: "select 1" } as const;

  test("is read in the gateway section and in the sources', and says so", async () => {
    ssm.parameters.set("/own/password", SECRET).set("/db/url", `postgres://me:${SECRET}@db/x`);
    write(project, { gateway: GATEWAY, sources: { mode: "live", portfolio: sql } });

    const sources = await withParameters(sourcesWith(), storeOf());
    const { gateway, sources: section, problems } = readSettings(sources);

    expect(problems).toEqual([]);
    expect(gateway?.credentials).toEqual({
      value: { type: "basic", username: "bell", password: SECRET },
      origin: { type: "ssm", name: "/own/password", namedIn: project },
    });
    expect(originText(gateway?.credentials?.origin ?? { type: "default" })).toBe(
      `SSM /own/password, named in ${project}`,
    );
    if (section === undefined) throw new Error("there are no sources");
    expect(readSources(section, {}, sources.parameters).portfolio).toMatchObject({
      connectionString: `postgres://me:${SECRET}@db/x`,
    });
    expect(ssm.calls.map(({ names }) => names)).toEqual([["/own/password", "/db/url"]]);
  });

  test("whose parameter does not exist is a problem that names its place, and where it was looked for", async () => {
    write(project, { gateway: GATEWAY });
    await expect(readConfigWithParameters(sourcesWith(), storeOf())).rejects.toThrow(
      `${project}: gateway.password: SSM has no parameter /own/password in eu-west-1; create it as a SecureString, or check the name, region and account`,
    );
  });

  test("that nobody fetched is a problem that says so", () => {
    write(project, { gateway: GATEWAY });
    expect(readSettings(sourcesWith()).problems).toEqual([
      `${project}: gateway.password: SSM parameter /own/password: parameters of SSM were not fetched`,
    ]);
    const origin = { type: "file", path: project } as const;
    expect(() => readSources({ value: { mode: "live", portfolio: sql }, origin }, {})).toThrow(
      `${project}: sources.portfolio.url: SSM parameter /db/url: parameters of SSM were not fetched`,
    );
  });

  test("is told once when the fetch failed, beside every other problem", async () => {
    ssm.refusal = refusal("AccessDeniedException", "no");
    write(project, {
      gateway: GATEWAY,
      publish: "sometimes",
      sources: { mode: "live", portfolio: sql },
    });
    const sources = await withParameters(sourcesWith(), storeOf());
    const { problems } = readSettings(sources);
    expect(problems).toEqual([
      expect.stringContaining("publish must be one of"),
      expect.stringMatching(
        /^SSM parameters \/own\/password, \/db\/url in eu-west-1: AccessDenied/,
      ),
    ]);
  });

  test("has a value that may be empty nowhere", () => {
    write(project, { gateway: GATEWAY });
    const parameters = new Map([["/own/password", ""]]);
    expect(readSettings(sourcesWith({ parameters })).problems).toEqual([
      `${project}: gateway.password: the SSM parameter /own/password is empty`,
    ]);
  });

  test("that is no name is not repeated: it may be the secret", () => {
    write(project, { gateway: { ...GATEWAY, password: { ssm: `pass ${SECRET}` } } });
    const { problems } = readSettings(sourcesWith());
    expect(problems.join()).not.toContain(SECRET);
    expect(problems).toContain(
      `${project}: gateway.password.ssm is no name of a parameter: letters, digits and . - _ / make one`,
    );
  });
});

test("a caller that gives up is told so, not that the configuration is bad", async () => {
  write(project, { gateway: GATEWAY });
  const held = ssm.hold();
  const stop = new AbortController();
  const reading = readConfigWithParameters(sourcesWith(), storeOf(), stop.signal);
  await held.arrived;
  stop.abort(new Error("stopped"));
  await expect(reading).rejects.toThrow("stopped");
  await expect(reading).rejects.not.toBeInstanceOf(ConfigError);
  await held.disconnected;
});

function storeOf() {
  const options = { region: "eu-west-1", credentials: FAKE_CREDENTIALS };
  return createParameterStore({ endpoint: ssm.url.href, ...options });
}

function sourcesWith(sources: Partial<ConfigSources> = {}): ConfigSources {
  return { env: {}, cwd: dirname(project), home: join(root, "home"), ...sources };
}

function write(path: string, content: object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}
