import { InvalidOptionError, messageOf } from "../errors.ts";
import { parseGatewayUrl } from "../gateway-url.ts";
import { field, object, oneOf, record, type Schema, text } from "./schema.ts";

/** A secret is never written into the file, only where to find it. */
export type SecretReference = { readonly env: string } | { readonly file: string };

const secret: Schema<SecretReference> = {
  expected: '{ "env": "NAME" } or { "file": "PATH" }',
  read(value, path, problems) {
    const keys = typeof value === "object" && value !== null ? Object.entries(value) : [];
    const [name, at] = keys[0] ?? [];
    if (keys.length === 1 && (name === "env" || name === "file") && typeof at === "string") {
      return value as SecretReference;
    }
    problems.push(`${path} must be ${this.expected}: secrets are not written into this file`);
    return undefined;
  },
};

const gatewayUrl: Schema<string> = {
  expected: "an http(s) URL without user-info",
  read(value, path, problems) {
    if (typeof value !== "string") {
      problems.push(`${path} must be ${this.expected}`);
      return undefined;
    }
    try {
      const { credentials } = parseGatewayUrl(value);
      if (credentials === undefined) return value;
      problems.push(
        `${path} holds a user name or password; give it in PUSHGATEWAY_URL, or as gateway.username and gateway.password`,
      );
    } catch (error) {
      if (!(error instanceof InvalidOptionError)) throw error;
      problems.push(`${path}: ${messageOf(error)}`);
    }
    return undefined;
  },
};

const job = object({
  labels: field(record(text()), "Grouping labels that every run of the job has."),
  mode: field(
    oneOf(["backtest", "paper", "live"]),
    "Whose figures the job reports. Needed for trading families.",
  ),
});

/** closing-bell.json: configuration and job catalogue. */
export const fileSchema = object({
  gateway: field(
    object({
      url: field(gatewayUrl, "Base URL of the Pushgateway."),
      caFile: field(text("a path"), "Certificate authorities in PEM, instead of the system's."),
      username: field(text(), "User name for basic auth."),
      password: field(secret, "Password for basic auth."),
      token: field(secret, "Bearer token, instead of basic auth."),
    }),
    "Where results are pushed.",
  ),
  jobs: field(record(job), "The job catalogue: one entry per job name."),
});

export type ConfigFile = NonNullable<ReturnType<typeof fileSchema.read>>;
