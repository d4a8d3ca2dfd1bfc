import { InvalidOptionError, messageOf } from "../errors.ts";
import { parseGatewayUrl } from "../gateway-url.ts";
import { job } from "./jobs-schema.ts";
import { LEDGER_PLACES, type LedgerPlace, parseLedgerPlace } from "./ledger-place.ts";
import {
  field,
  list,
  number,
  object,
  oneOf,
  record,
  required,
  type Schema,
  text,
} from "./schema.ts";
import { secret } from "./secret.ts";
import { sources } from "./sources-schema.ts";

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

const usd = number("USD, 0 or more", (value) => value >= 0);

const aiPrice = required(
  object({
    input: field(usd, "USD per million tokens that went in."),
    output: field(usd, "USD per million tokens that came out, reasoning included."),
    cacheRead: field(usd, "USD per million tokens read from a cache. Default: as input."),
    cacheWrite: field(usd, "USD per million tokens written to a cache. Default: as input."),
    cacheWrite1h: field(usd, "The same for an hour's lifetime. Default: as cacheWrite."),
    webSearch: field(usd, "USD per 1,000 searches."),
  }),
  ["input", "output"],
);

const prune = required(
  object({
    olderThanDays: field(
      number("a number of days above 0", (value) => value > 0),
      "How long nobody has reported to a group that is removed.",
    ),
    jobs: field(list(text("the name of a job")), "Jobs whose groups may be removed; no others."),
  }),
  ["olderThanDays", "jobs"],
);

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
  sources: field(sources, "Where the reporter reads the portfolio and the system's health."),
  prune: field(prune, "Groups that the reporter removes when nobody reports to them any more."),
  aiPrices: field(
    record(aiPrice),
    "Prices of AI models by name or pattern (* stands for anything), before the price list.",
  ),
});

export type ConfigFile = NonNullable<ReturnType<typeof fileSchema.read>>;
