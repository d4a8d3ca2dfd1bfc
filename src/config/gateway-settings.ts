import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import { type Credentials, type GatewayAddress, parseGatewayUrl } from "../gateway-url.ts";
import { originText, type Setting } from "./origin.ts";
import { readSecret, type SecretReference } from "./secret.ts";
import { fromFiles, type SourceFile } from "./source-file.ts";

/** Where the gateway is, and who we are there. */
export type GatewaySettings = {
  /** Without credentials: safe to print. Undefined: there is no gateway. */
  readonly base: Setting<string | undefined>;
  /** The origin is the secret's. */
  readonly credentials?: Setting<Credentials>;
  readonly caFile?: Setting<{ readonly path: string; readonly pem: string }>;
  /** A file whose credentials are not sent to this gateway, because they belong to its own. */
  readonly withheldIn?: string;
};

export type GatewaySources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly gatewayUrl?: string;
};

/** Undefined after noting a problem. */
export function readGatewaySettings(
  sources: GatewaySources,
  files: readonly SourceFile[],
  problems: string[],
): GatewaySettings | undefined {
  const { env } = sources;
  const named = nameOf(sources, files);
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

  // A credential stays with its endpoint: one from a file is not sent to another file's gateway,
  // nor to one that a flag or the environment names.
  const own = origin.type === "file" ? files.find(({ path }) => path === origin.path) : undefined;
  const before = problems.length;
  const token = env["PUSHGATEWAY_TOKEN"];
  const credentials: Setting<Credentials> | undefined = address.credentials
    ? { value: address.credentials, origin }
    : token
      ? {
          value: { type: "bearer", token },
          origin: { type: "environment", name: "PUSHGATEWAY_TOKEN" },
        }
      : own && fileCredentials(own, env, problems);
  const caFrom = own ?? files.find(({ content }) => content.gateway?.caFile !== undefined);
  const caFile = caFrom && readCa(caFrom, problems);
  if (problems.length > before) return undefined;

  const withheld = files.find((file) => file !== own && hasCredentials(file));
  return {
    base: { value: address.base, origin },
    ...(credentials === undefined ? {} : { credentials }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(withheld === undefined || credentials !== undefined ? {} : { withheldIn: withheld.path }),
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

function hasCredentials({ content: { gateway } }: SourceFile): boolean {
  return gateway?.password !== undefined || gateway?.token !== undefined;
}

function fileCredentials(
  file: SourceFile,
  env: GatewaySources["env"],
  problems: string[],
): Setting<Credentials> | undefined {
  const { username, password, token } = file.content.gateway ?? {};
  const read = (reference: SecretReference, name: string) =>
    readSecret(reference, { file: file.path, name }, env, problems);
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
