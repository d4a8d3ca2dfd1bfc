import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import { type Credentials, type GatewayAddress, parseGatewayUrl } from "../gateway-url.ts";
import { originText, type Setting } from "./origin.ts";
import type { FetchedParameters } from "./parameters.ts";
import { readSecret, type SecretReference } from "./secret.ts";
import { fromFiles, type SourceFile } from "./source-file.ts";
import {
  credentialsBelow,
  namesBelow,
  type PathCredentials,
  parameterPath,
  urlBelow,
} from "./ssm/gateway-parameters.ts";

/** Where the gateway is, and who we are there. */
export type GatewaySettings = {
  /** Without credentials: safe to print. Undefined: there is no gateway. */
  readonly base: Setting<string | undefined>;
  /** The origin is the secret's. */
  readonly credentials?: PathCredentials;
  readonly caFile?: Setting<{ readonly path: string; readonly pem: string }>;
  /** A file (or SSM's path) whose credentials are not sent here, because they belong to its own gateway. */
  readonly withheldIn?: string;
};

export type GatewaySources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly gatewayUrl?: string;
  readonly parameters?: FetchedParameters;
};

/** The parameters without which the settings cannot be read: those of the gateway that is named. */
export function gatewayParameterNames(
  sources: GatewaySources,
  files: readonly SourceFile[],
): readonly string[] {
  const named = nameOf(sources, files);
  if (named?.origin.type === "default") return namesBelow(sources.env);
  if (sources.env["PUSHGATEWAY_TOKEN"]) return [];
  const { token, password } = ownFile(named, files)?.content.gateway ?? {};
  const reference = token ?? password;
  return reference !== undefined && "ssm" in reference ? [reference.ssm] : [];
}

/** Undefined after noting a problem. */
export function readGatewaySettings(
  sources: GatewaySources,
  files: readonly SourceFile[],
  problems: string[],
): GatewaySettings | undefined {
  const { env, parameters } = sources;
  const found = nameOf(sources, files);
  const named = found?.origin.type === "default" ? urlBelow(env, parameters, problems) : found;
  if (named === undefined) return undefined;
  const { value: url, origin } = named;
  if (url === undefined) return { base: { value: undefined, origin } };
  let address: GatewayAddress;
  try {
    address = parseGatewayUrl(url);
  } catch (error) {
    problems.push(`${originText(origin)}: ${messageOf(error)}`);
    return undefined;
  }

  // A credential stays with its endpoint: one from a file or from SSM is not sent to another one's
  // gateway, nor to one that a flag or the environment names.
  const own = ownFile(named, files);
  const before = problems.length;
  const token = env["PUSHGATEWAY_TOKEN"];
  const credentials: PathCredentials | undefined = address.credentials
    ? { value: address.credentials, origin }
    : token
      ? {
          value: { type: "bearer", token },
          origin: { type: "environment", name: "PUSHGATEWAY_TOKEN" },
        }
      : origin.type === "ssm"
        ? credentialsBelow(env, parameters, problems)
        : own && fileCredentials(own, sources, problems);
  const caFrom = own ?? files.find(({ content }) => content.gateway?.caFile !== undefined);
  const caFile = caFrom && readCa(caFrom, problems);
  if (problems.length > before) return undefined;

  const path = origin.type === "ssm" ? undefined : parameterPath(env);
  const withheld =
    files.find((file) => file !== own && hasCredentials(file))?.path ??
    (path === undefined ? undefined : `SSM ${path}`);
  return {
    base: { value: address.base, origin },
    ...(credentials === undefined ? {} : { credentials }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(withheld === undefined || credentials !== undefined ? {} : { withheldIn: withheld }),
  };
}

function nameOf({ env, gatewayUrl }: GatewaySources, files: readonly SourceFile[]) {
  if (gatewayUrl !== undefined) {
    return { value: gatewayUrl, origin: { type: "flag", name: "--gateway" } } as const;
  }
  const url = env["PUSHGATEWAY_URL"];
  if (url) return { value: url, origin: { type: "environment", name: "PUSHGATEWAY_URL" } } as const;
  return fromFiles<string | undefined>(files, ({ gateway }) => gateway?.url, undefined);
}

/** The file that names the gateway. */
function ownFile(
  named: Setting<string | undefined> | undefined,
  files: readonly SourceFile[],
): SourceFile | undefined {
  const { origin } = named ?? {};
  return origin?.type === "file" ? files.find(({ path }) => path === origin.path) : undefined;
}

function hasCredentials({ content: { gateway } }: SourceFile): boolean {
  return gateway?.password !== undefined || gateway?.token !== undefined;
}

function fileCredentials(
  file: SourceFile,
  sources: GatewaySources,
  problems: string[],
): Setting<Credentials> | undefined {
  const { username, password, token } = file.content.gateway ?? {};
  const read = (reference: SecretReference, name: string) =>
    readSecret(reference, { file: file.path, name }, sources, problems);
  if (token !== undefined) {
    const secret = read(token, "gateway.token");
    return secret && { ...secret, value: { type: "bearer", token: secret.value } };
  }
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    problems.push(`${file.path}: gateway.username and gateway.password go together`);
    return undefined;
  }
  const secret = read(password, "gateway.password");
  return secret && { ...secret, value: { type: "basic", username, password: secret.value } };
}

function readCa(
  { path: file, content }: SourceFile,
  problems: string[],
): GatewaySettings["caFile"] | undefined {
  const caFile = content.gateway?.caFile;
  if (caFile === undefined) return undefined;
  const path = resolve(dirname(file), caFile);
  try {
    const pem = readFileSync(path, "utf8");
    return { value: { path, pem }, origin: { type: "file", path: file } };
  } catch (error) {
    problems.push(`${file}: gateway.caFile cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}
