import {
  field,
  number,
  object,
  oneOf,
  required,
  type Schema,
  text,
  timeZone,
  variants,
} from "./schema.ts";
import { type SecretReference, secret } from "./secret.ts";

/** A URL with a password in it is a secret; one without may be written down. */
export type Address = string | SecretReference;

const address: Schema<Address> = {
  expected: `a URL without a password, ${secret.expected}`,
  read(value, path, problems) {
    if (typeof value === "object" && value !== null) return secret.read(value, path, problems);
    if (typeof value !== "string" || !URL.canParse(value)) {
      problems.push(`${path} must be ${this.expected}`);
      return undefined;
    }
    const { password, searchParams } = new URL(value);
    // PostgreSQL takes it in either place.
    if (password === "" && !searchParams.has("password")) return value;
    problems.push(`${path} holds a password; give it as ${secret.expected}`);
    return undefined;
  },
};

const caFile = field(text("a path"), "Certificate authorities in PEM, instead of the system's.");

const query = field(text("an SQL query"), "Reads one row. Nothing can be written.");

const httpUrl = field(
  text("an http(s) URL without user-info", (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    return isHttp && url.username === "" && url.password === "";
  }),
  "What is read, with GET.",
);

const token = field(secret, "Bearer token.");

/** `"data.total"`, or with a factor on the value. */
const fieldPath: Schema<string | { readonly path: string; readonly scale?: number }> = {
  expected: 'a path such as "data.total", or { "path", "scale" }',
  read(value, path, problems) {
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "object") return scaledPath.read(value, path, problems);
    problems.push(`${path} must be ${this.expected}`);
    return undefined;
  },
};

const scaledPath = required(
  object({
    path: field(text("a path"), "Where the value is in the answer."),
    scale: field(
      number("a number above 0", (value) => value > 0),
      "What it is multiplied by: 0.01 for cents.",
    ),
  }),
  ["path"],
);

const fields = object({
  equity: field(fieldPath, "Cash and holdings."),
  cash: field(fieldPath, "Negative on margin."),
  positions: field(text("a path"), "Number of open positions, or the list of them."),
  dailyPnl: field(fieldPath, "Since the last close, less cash flows."),
  lastCloseEquity: field(fieldPath, "Equity at the last close."),
  cashFlowToday: field(fieldPath, "Deposits less withdrawals since the last close."),
  cashFlowTotal: field(fieldPath, "Deposits less withdrawals since any fixed time."),
  currency: field(text("a path"), "Currency of the amounts."),
});

const portfolio = variants({
  alpaca: required(
    object({
      account: field(oneOf(["paper", "live"]), "Which of the two hosts the keys are for."),
      keyId: field(secret, "APCA-API-KEY-ID."),
      secretKey: field(secret, "APCA-API-SECRET-KEY."),
      baseUrl: field(httpUrl.schema, "Instead of Alpaca's host, for tests and proxies."),
    }),
    ["account", "keyId", "secretKey"],
  ),
  sql: required(object({ url: field(address, "PostgreSQL connection string."), caFile, query }), [
    "url",
    "query",
  ]),
  http: required(
    object({
      url: httpUrl,
      token,
      caFile,
      fields: field(fields, "What is where in the answer."),
    }),
    ["url", "fields"],
  ),
});

/** Where a single value is: a Redis key, a row, a parameter, an answer. */
const valueKinds = {
  redis: required(
    object({
      url: field(address, "Default: that of probes.redis."),
      caFile,
      key: field(text("a key"), "Read with GET, or with HGET when there is a field."),
      field: field(text("a field of a hash"), "Field of a hash."),
    }),
    ["key"],
  ),
  sql: required(
    object({ url: field(address, "Default: that of probes.timescale."), caFile, query }),
    ["query"],
  ),
  ssm: required(
    object({
      name: field(text("the name of a parameter"), "Read with GetParameter."),
      region: field(text("a region"), "Default: the environment's."),
    }),
    ["name"],
  ),
  http: required(
    object({
      url: httpUrl,
      token,
      caFile,
      path: field(text("a path"), "Where it is in a JSON answer. Default: the whole answer."),
    }),
    ["url"],
  ),
};

const connection = (what: string) =>
  required(object({ url: field(address, what), caFile }), ["url"]);

const probes = object({
  timescale: field(connection("PostgreSQL connection string."), "Whether the database answers."),
  redis: field(connection("redis:// or rediss:// URL."), "Whether Redis answers."),
  killSwitch: field(
    object({
      value: field(variants(valueKinds), "Where the switch is."),
      absent: field(
        oneOf(["inactive", "unknown"]),
        "What it means that there is no such value. Default unknown.",
      ),
    }),
    "Whether trading is halted.",
  ),
  appStart: field(
    variants(valueKinds),
    "When the monitored application started: Unix seconds or milliseconds, or ISO 8601.",
  ),
});

/** `sources` of closing-bell.json. */
export const sources = object({
  mode: field(oneOf(["paper", "live"]), "Whose figures the reporter reports."),
  currency: field(text("a currency"), "Of amounts, where the source does not say it."),
  timeZone: field(timeZone, "Where trading days begin. Default UTC."),
  dayStartsAt: field(
    text("a time of day such as 17:00", (value) => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(value)),
    "When they begin there. Default 00:00.",
  ),
  startCapital: field(
    number("an amount above 0", (value) => value > 0),
    "What the account began with; without it the total return is unknown.",
  ),
  timeoutSeconds: field(
    number("a number of seconds above 0, at most 60", (value) => value > 0 && value <= 60),
    "How long one source may take. Default 5.",
  ),
  portfolio: field(portfolio, "The account."),
  probes: field(probes, "What the system depends on."),
});

export type SourcesSettings = NonNullable<ReturnType<typeof sources.read>>;
