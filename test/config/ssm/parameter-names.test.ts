import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ConfigSources } from "../../../src/config/config.ts";
import { parameterNames } from "../../../src/config/ssm/with-parameters.ts";

const PATH = "/closing-bell/prod";
const BELOW = ["gateway-url", "gateway-username", "gateway-password", "gateway-token"].map(
  (name) => `${PATH}/${name}`,
);
const GATEWAY = { url: "http://own:1", username: "bell", password: { ssm: "/own/password" } };

let root: string;
let project: string;
let user: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "closing-bell-parameters-"));
  project = join(root, "project", "closing-bell.json");
  user = join(root, "home", ".config", "closing-bell", "closing-bell.json");
  mkdirSync(dirname(project));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("the names that are needed are", () => {
  test.each<{
    name: string;
    project?: object;
    user?: object;
    sources?: Partial<ConfigSources>;
    names: readonly string[];
  }>([
    { name: "none without references and a path", project: { jobs: {} }, names: [] },
    {
      name: "those of the project file's gateway",
      project: { gateway: GATEWAY },
      names: ["/own/password"],
    },
    {
      name: "those of the user file's gateway",
      user: { gateway: GATEWAY },
      names: ["/own/password"],
    },
    {
      name: "a token's, which goes before a password",
      user: { gateway: { ...GATEWAY, token: { ssm: "t" } } },
      names: ["t"],
    },
    {
      name: "none of a gateway that another one goes before",
      project: { gateway: { url: "http://other:1" } },
      user: { gateway: GATEWAY },
      names: [],
    },
    {
      name: "none beside the flag's",
      project: { gateway: GATEWAY },
      sources: { gatewayUrl: "http://f" },
      names: [],
    },
    {
      name: "none when the environment has the token",
      project: { gateway: GATEWAY },
      sources: { env: { PUSHGATEWAY_TOKEN: "t" } },
      names: [],
    },
    {
      name: "those below the path",
      sources: { env: { CLOSING_BELL_SSM_PATH: `${PATH}/` } },
      names: BELOW,
    },
    {
      name: "none below the path when a file names a gateway",
      project: { gateway: { url: "http://file:1" } },
      sources: { env: { CLOSING_BELL_SSM_PATH: PATH } },
      names: [],
    },
    {
      name: "none below what is no path",
      sources: { env: { CLOSING_BELL_SSM_PATH: "closing bell" } },
      names: [],
    },
    {
      name: "wherever the sources name one, each once",
      user: {
        sources: {
          portfolio: {
            type: "alpaca",
            account: "live",
            keyId: { ssm: "id" },
            secretKey: { ssm: "key" },
          },
          probes: {
            redis: { url: { ssm: "id" } },
            // Read when the kill switch is, not with the configuration.
            killSwitch: { value: { type: "ssm", name: "/kill" } },
            appStart: { type: "http", url: "http://bot/", token: { ssm: "token" } },
          },
        },
      },
      names: ["id", "key", "token"],
    },
  ])("$name", ({ project: inProject, user: inUser, sources, names }) => {
    if (inProject !== undefined) write(project, inProject);
    if (inUser !== undefined) write(user, inUser);
    expect(parameterNames(sourcesWith(sources))).toEqual(names);
  });

  test("those of the parts that are asked for", () => {
    const portfolio = { type: "http", url: "http://x/", fields: {}, token: { ssm: "s" } };
    write(project, { gateway: GATEWAY, sources: { portfolio } });
    expect(parameterNames(sourcesWith(), ["gateway"])).toEqual(["/own/password"]);
    expect(parameterNames(sourcesWith(), ["sources"])).toEqual(["s"]);
  });
});

function sourcesWith(sources: Partial<ConfigSources> = {}): ConfigSources {
  return { env: {}, cwd: dirname(project), home: join(root, "home"), ...sources };
}

function write(path: string, content: object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}
