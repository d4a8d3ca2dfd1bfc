import type { Credentials } from "../../gateway-url.ts";
import type { Origin, Setting } from "../origin.ts";
import { type FetchedParameters, NOT_FETCHED, noteOnce } from "../parameters.ts";

/** Names the path below which a gateway is described, e.g. `/closing-bell/prod`. */
const VARIABLE = "CLOSING_BELL_SSM_PATH";

/** As the service has them: a leading slash, parts of letters, digits and . - _ */
const PATH = /^(?:\/[\w.-]+)+\/?$/;

/** What is looked up below the path, by exact name; each may be missing. */
const NAMES = ["gateway-url", "gateway-username", "gateway-password", "gateway-token"] as const;

type Name = (typeof NAMES)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** The path without a slash at its end. Undefined: none is named, or it is none. */
export function parameterPath(env: Environment): string | undefined {
  const text = env[VARIABLE];
  return text && PATH.test(text) ? text.replace(/\/$/, "") : undefined;
}

/** Every name that is looked up below the path. */
export function namesBelow(env: Environment): readonly string[] {
  const path = parameterPath(env);
  return path === undefined ? [] : NAMES.map((name) => `${path}/${name}`);
}

/** The URL below the path, if there is one. Undefined after noting a problem. */
export function urlBelow(
  env: Environment,
  parameters: FetchedParameters | undefined,
  problems: string[],
): Setting<string | undefined> | undefined {
  const text = env[VARIABLE];
  const nobody = { value: undefined, origin: { type: "default" } } as const;
  if (!text) return nobody;
  const path = parameterPath(env);
  if (path === undefined) {
    problems.push(
      `${VARIABLE} is ${JSON.stringify(text)}; expected a path of parameters such as /closing-bell/prod`,
    );
    return undefined;
  }
  if (parameters === undefined) {
    problems.push(`${VARIABLE} is ${path}, but ${NOT_FETCHED}`);
    return undefined;
  }
  if (parameters.problems !== undefined) {
    noteOnce(parameters.problems, problems);
    return undefined;
  }
  const value = parameters.get(`${path}/gateway-url`);
  return value ? { value, origin: originOf(path, "gateway-url") } : nobody;
}

/** Basic auth's two parts may come from two parameters. */
export type PathCredentials = Setting<Credentials> & { readonly usernameOrigin?: Origin };

/** Who we are at the gateway of the path. A token goes before user name and password. */
export function credentialsBelow(
  env: Environment,
  parameters: FetchedParameters | undefined,
  problems: string[],
): PathCredentials | undefined {
  const path = parameterPath(env) ?? "";
  const valueBelow = (name: Name) => parameters?.get(`${path}/${name}`) || undefined;
  const token = valueBelow("gateway-token");
  if (token !== undefined) {
    return { value: { type: "bearer", token }, origin: originOf(path, "gateway-token") };
  }
  const [username, password] = [valueBelow("gateway-username"), valueBelow("gateway-password")];
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    problems.push(`SSM ${path}: gateway-username and gateway-password go together`);
    return undefined;
  }
  return {
    value: { type: "basic", username, password },
    origin: originOf(path, "gateway-password"),
    usernameOrigin: originOf(path, "gateway-username"),
  };
}

function originOf(path: string, name: Name): Origin {
  return { type: "ssm", name: `${path}/${name}` };
}
