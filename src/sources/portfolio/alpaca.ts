import { InvalidOptionError, messageOf, SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import { type Decimal, parseDecimal, subtract, toNumber, ZERO } from "../decimal.ts";
import { getJson } from "../get-json.ts";
import { type HttpTarget, httpTarget, refuseUnsendable } from "../http-target.ts";
import { isObject, kindOf } from "../json-path.ts";
import { quote } from "../quote.ts";
import { SOURCE_TIMEOUT_MS } from "../source.ts";
import { refuseTimeout } from "../timeout.ts";
import type { PortfolioReading, PortfolioSource } from "./portfolio.ts";

export type AlpacaOptions = {
  /** Which of Alpaca's hosts. A key pair belongs to one of them. */
  readonly account: "paper" | "live";
  readonly keyId: string;
  readonly secretKey: string;
  /** Instead of Alpaca's own host; `/v2/...` is added. */
  readonly baseUrl?: string | URL;
  /** Of a whole reading, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
};

/** https://docs.alpaca.markets/reference/getaccount-1, its servers. */
const HOSTS = {
  paper: "https://paper-api.alpaca.markets",
  live: "https://api.alpaca.markets",
} as const;

const NAME = "portfolio";

/** Part of a reading's time after which the positions are not waited for: the account is known by then. */
const POSITIONS_SHARE = 0.8;

/** Alpaca's flags that keep an account from trading. */
const BLOCKS = ["trading_blocked", "account_blocked", "trade_suspended_by_user"] as const;

/**
 * The portfolio of an Alpaca account: GET /v2/account and GET /v2/positions, side by side. Nothing is
 * ever posted; Alpaca has no keys that could not.
 *
 * Daily profit is equity less `last_equity` (the previous trading day, 16:00 New York) less
 * `intraday_adjustments` (deposits and withdrawals since).
 *
 * @throws {InvalidOptionError}
 */
export function createAlpacaSource(options: AlpacaOptions): PortfolioSource {
  const what = "createAlpacaSource";
  const known = ["account", "keyId", "secretKey", "baseUrl", "timeoutMs", "ca"];
  refuseUnknownKeys(options, known, what);
  const { account, keyId, secretKey, timeoutMs = SOURCE_TIMEOUT_MS, ca } = options;
  if (!Object.hasOwn(HOSTS, account)) {
    throw new InvalidOptionError(`${what}: account must be "paper" or "live"`);
  }
  refuseTimeout(timeoutMs, what);
  refuseUnsendable(keyId, `${what}: keyId`);
  refuseUnsendable(secretKey, `${what}: secretKey`);
  const base = baseOf(options.baseUrl ?? HOSTS[account], what);
  const target = (path: string): HttpTarget => {
    const secretHeaders = { "APCA-API-KEY-ID": keyId, "APCA-API-SECRET-KEY": secretKey };
    return {
      ...httpTarget({ url: `${base}${path}`, secretHeaders, ca }, what),
      credentials: `keyId and secretKey; those of a paper and of a live account are not the same, and this is asked as ${account}`,
    };
  };
  const targets = { account: target("/v2/account"), positions: target("/v2/positions") };
  return { name: NAME, timeoutMs, read: (signal) => readBoth(targets, timeoutMs, signal) };
}

function baseOf(url: string | URL, what: string): string {
  // Refuses what is no URL, and what it says never shows the URL.
  httpTarget({ url }, `${what}: baseUrl`);
  const { search, username, password, origin, pathname } = new URL(url);
  if (search !== "" || username !== "" || password !== "") {
    throw new InvalidOptionError(`${what}: baseUrl has a query or user-info`);
  }
  return `${origin}${pathname.replace(/\/+$/, "")}`;
}

async function readBoth(
  targets: { readonly account: HttpTarget; readonly positions: HttpTarget },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<PortfolioReading> {
  const ending = new AbortController();
  const onAbort = () => ending.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const patienceMs = timeoutMs * POSITIONS_SHARE;
  const timer = setTimeout(() => {
    ending.abort(new Error(`no answer within ${patienceMs} ms`));
  }, patienceMs);
  try {
    const positions = countPositions(targets.positions, ending.signal);
    const reading = readAccount(await getJson(NAME, targets.account, signal), targets.account);
    const { problems } = reading;
    const counted = await positions;
    if (typeof counted === "number") return withProblems({ ...reading, positions: counted });
    return withProblems({ ...reading, problems: [...(problems ?? []), counted] });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    // Nobody waits for positions without an account.
    ending.abort();
  }
}

/** How many positions are open, or why that is unknown. Never rejects. */
async function countPositions(target: HttpTarget, signal: AbortSignal): Promise<number | string> {
  try {
    const positions = await getJson(NAME, target, signal);
    if (Array.isArray(positions)) return positions.length;
    return `positions: GET ${target.shown} answered ${kindOf(positions)}, not an array`;
  } catch (error) {
    return `positions: ${messageOf(error).replace(`${NAME}: `, "")}`;
  }
}

function readAccount(account: unknown, { shown, secrets }: HttpTarget): PortfolioReading {
  const fail = (problem: string) => new SourceError(NAME, `GET ${shown} answered ${problem}`);
  if (!isObject(account)) throw fail(`${kindOf(account)}, not an account`);
  const problems: string[] = [];
  const fieldOf = (field: string) => (Object.hasOwn(account, field) ? account[field] : undefined);

  /** Undefined when the account has no such field, or null in it. */
  function amount(field: string): Decimal | undefined {
    const value = fieldOf(field) ?? undefined;
    if (value === undefined) return undefined;
    const decimal = parseDecimal(value);
    if (decimal !== undefined) return decimal;
    const given = typeof value === "string" ? `"${quote(value, secrets, 40)}"` : kindOf(value);
    throw fail(`an account whose ${field} is ${given}, not an amount`);
  }

  const equity = amount("equity");
  const cash = amount("cash");
  const lastEquity = amount("last_equity");
  const adjustments = amount("intraday_adjustments");
  if (equity === undefined && cash === undefined && lastEquity === undefined) {
    throw fail("no account: neither equity nor cash nor last_equity is in it");
  }
  const read = { equity, cash, last_equity: lastEquity };
  for (const [field, value] of Object.entries(read)) {
    if (value === undefined) problems.push(`${field}: not in the account`);
  }
  if (adjustments === undefined) {
    problems.push(
      "intraday_adjustments: not in the account; a deposit of today counts as profit of today",
    );
  }
  const dailyPnl =
    equity === undefined || lastEquity === undefined
      ? undefined
      : subtract(subtract(equity, lastEquity), adjustments ?? ZERO);

  const currency = fieldOf("currency");
  const hasCurrency = typeof currency === "string" && /^[A-Za-z0-9]{1,12}$/.test(currency);
  if (!hasCurrency) problems.push("currency: not in the account");

  const blocks = BLOCKS.map((field) => fieldOf(field));
  const isBlocked = blocks.includes(true);
  const isKnown = isBlocked || blocks.every((block) => block === false);
  if (!isKnown) problems.push(`${BLOCKS.join(", ")}: not all in the account`);

  return {
    ...(equity === undefined ? {} : { equity: toNumber(equity) }),
    ...(cash === undefined ? {} : { cash: toNumber(cash) }),
    ...(lastEquity === undefined ? {} : { lastCloseEquity: toNumber(lastEquity) }),
    ...(adjustments === undefined ? {} : { cashFlowToday: toNumber(adjustments) }),
    ...(dailyPnl === undefined ? {} : { dailyPnl: toNumber(dailyPnl) }),
    ...(hasCurrency ? { currency } : {}),
    ...(isKnown ? { isTradingBlocked: isBlocked } : {}),
    problems,
  };
}

function withProblems({ problems = [], ...known }: PortfolioReading): PortfolioReading {
  return problems.length === 0 ? known : { ...known, problems };
}
