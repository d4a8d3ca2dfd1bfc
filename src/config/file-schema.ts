import { InvalidOptionError, messageOf } from "../errors.ts";
import { parseGatewayUrl } from "../gateway-url.ts";
import { LEDGER_PLACES, type LedgerPlace, parseLedgerPlace } from "./ledger-place.ts";
import { field, number, object, oneOf, record, type Schema, text } from "./schema.ts";

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

/** A directory may still be relative here: to the one that the file is in. */
const ledger: Schema<LedgerPlace> = {
  expected: LEDGER_PLACES,
  read(value, path, problems) {
    const place = typeof value === "string" ? parseLedgerPlace(value) : undefined;
    if (place === undefined) problems.push(`${path} must be ${this.expected}`);
    return place;
  },
};

/** Who publishes a run's totals: the run when it ends, or somebody on a schedule. */
export const publish = oneOf(["completion", "scheduled"]);

export const scrapeIntervalSeconds = number(
  "a number of seconds, 0 or more",
  (value) => value >= 0,
);

const job = object({
  labels: field(record(text()), "Grouping labels that every run of the job has."),
  mode: field(
    oneOf(["backtest", "paper", "live"]),
    "Whose figures the job reports. Needed for trading families.",
  ),
});

const usd = number("USD, 0 or more", (value) => value >= 0);

const aiPriceFields = object({
  input: field(usd, "USD per million tokens that went in."),
  output: field(usd, "USD per million tokens that came out, reasoning included."),
  cacheRead: field(usd, "USD per million tokens read from a cache. Default: as input."),
  cacheWrite: field(usd, "USD per million tokens written to a cache. Default: as input."),
  cacheWrite1h: field(usd, "The same for an hour's lifetime. Default: as cacheWrite."),
  webSearch: field(usd, "USD per 1,000 searches."),
});

type AiPriceFields = NonNullable<ReturnType<typeof aiPriceFields.read>>;

const aiPrice: Schema<AiPriceFields & { readonly input: number; readonly output: number }> = {
  expected: "an object with input and output",
  read(value, path, problems) {
    const before = problems.length;
    const price = aiPriceFields.read(value, path, problems);
    if (price === undefined) return undefined;
    const { input, output } = price;
    if (input !== undefined && output !== undefined) return { ...price, input, output };
    // Said already when they are there and no prices.
    if (problems.length === before) problems.push(`${path} needs both input and output`);
    return undefined;
  },
};

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
  ledger: field(ledger, "Where the totals of runs are kept; a directory relative to this file."),
  publish: field(publish, "When totals are published: as each run ends, or on a schedule alone."),
  scrapeIntervalSeconds: field(
    scrapeIntervalSeconds,
    "How often Prometheus scrapes the gateway. 0: new series are not held off.",
  ),
  jobs: field(record(job), "The job catalogue: one entry per job name."),
  aiPrices: field(
    record(aiPrice),
    "Prices of AI models by name or pattern (* stands for anything), before the price list.",
  ),
});

export type ConfigFile = NonNullable<ReturnType<typeof fileSchema.read>>;
