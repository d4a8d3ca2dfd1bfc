import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError, SourceError } from "../../../src/errors.ts";
import { type AlpacaOptions, createAlpacaSource } from "../../../src/sources/portfolio/alpaca.ts";
import { readSource } from "../../../src/sources/source.ts";
import { freePort } from "../../support/free-port.ts";
import { pem } from "../../support/socket-server.ts";
import { expectNoSecrets, rawAnswer, serving, servingSockets, sourceErrorOf } from "../serving.ts";
import { ACCOUNT, POSITION } from "./alpaca-account.ts";

const NEVER = new AbortController().signal;
const KEY_ID = "PKTEST0123456789";
const SECRET_KEY = "s3cr3t/Key+of0123456789mine";

type Answerer = (response: ServerResponse) => void;

describe("an account", () => {
  test("is read from /v2/account and /v2/positions, each asked once with the keys", async () => {
    const server = await alpaca({ ...ACCOUNT }, [POSITION, POSITION, POSITION]);
    expect(await sourceOf(server.url).read(NEVER)).toEqual({
      equity: 103_820.56,
      cash: -23_140.2,
      positions: 3,
      // 103820.56 less 103529.24 less 200.1: doubles would say 91.21999999999127.
      dailyPnl: 91.22,
      lastCloseEquity: 103_529.24,
      cashFlowToday: 200.1,
      currency: "USD",
      isTradingBlocked: false,
    });
    expect(server.requests.map(({ path }) => path).sort()).toEqual([
      "/v2/account",
      "/v2/positions",
    ]);
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({
        "apca-api-key-id": KEY_ID,
        "apca-api-secret-key": SECRET_KEY,
      });
      expect(headers).not.toHaveProperty("authorization");
    }
  });

  test("without positions has 0 of them", async () => {
    const server = await alpaca(ACCOUNT, []);
    expect(await sourceOf(server.url).read(NEVER)).toMatchObject({ positions: 0 });
  });

  test("is asked for under the path of a base URL", async () => {
    const server = await serving((request, response) => {
      response.end(JSON.stringify(request.url === "/proxy/v2/account" ? ACCOUNT : []));
    });
    const source = sourceOf(new URL("/proxy/", server.url));
    expect(await source.read(NEVER)).toMatchObject({ equity: 103_820.56, positions: 0 });
  });

  test("both are under way at once", async () => {
    const waiting: Answerer[] = [];
    const server = await serving((request, response) => {
      waiting.push(() => response.end(JSON.stringify(request.url?.endsWith("t") ? ACCOUNT : [])));
      // Only when both are there is one answered.
      if (waiting.length === 2) for (const answer of waiting) answer(response);
    });
    expect(await sourceOf(server.url).read(NEVER)).toMatchObject({ positions: 0 });
  });

  test("over TLS with a given authority", async () => {
    const server = await servingSockets(async (socket: Socket) => {
      const [request] = await once(socket, "data");
      const isAccount = `${request}`.startsWith("GET /v2/account ");
      socket.end(rawAnswer(JSON.stringify(isAccount ? ACCOUNT : [POSITION])));
    }, "good");
    const source = sourceOf(server.url, { ca: pem("ca.pem") });
    expect(await source.read(NEVER)).toMatchObject({ equity: 103_820.56, positions: 1 });
  });

  test.each<{ name: string; change: object; expected: object; absent?: string; problem?: RegExp }>([
    {
      name: "amounts as numbers are taken",
      change: { equity: 103_820.56, cash: 12, intraday_adjustments: 0 },
      expected: { equity: 103_820.56, cash: 12, dailyPnl: 291.32, cashFlowToday: 0 },
    },
    {
      name: "a withdrawal is no loss",
      change: { equity: "103329.24", intraday_adjustments: "-200" },
      expected: { dailyPnl: 0, cashFlowToday: -200 },
    },
    {
      name: "no adjustments: none are taken off, and it says so",
      change: { intraday_adjustments: undefined },
      expected: { dailyPnl: 291.32 },
      absent: "cashFlowToday",
      problem: /^intraday_adjustments: not in the account; a deposit of today counts as profit/,
    },
    {
      name: "adjustments null: the same",
      change: { intraday_adjustments: null },
      expected: { dailyPnl: 291.32 },
      absent: "cashFlowToday",
      problem: /^intraday_adjustments: /,
    },
    {
      name: "no last close: no profit",
      change: { last_equity: null },
      expected: { equity: 103_820.56, cashFlowToday: 200.1 },
      absent: "dailyPnl",
      problem: /^last_equity: not in the account$/,
    },
    {
      name: "no equity: no profit",
      change: { equity: undefined },
      expected: { cash: -23_140.2, lastCloseEquity: 103_529.24 },
      absent: "dailyPnl",
      problem: /^equity: not in the account$/,
    },
    {
      name: "no currency: none is assumed",
      change: { currency: undefined },
      expected: { equity: 103_820.56 },
      absent: "currency",
      problem: /^currency: /,
    },
    {
      name: "a currency that is none",
      change: { currency: 'U"S\nD' },
      expected: { equity: 103_820.56 },
      absent: "currency",
      problem: /^currency: /,
    },
    {
      name: "blocked from trading",
      change: { trading_blocked: true },
      expected: { isTradingBlocked: true },
    },
    { name: "blocked", change: { account_blocked: true }, expected: { isTradingBlocked: true } },
    {
      name: "suspended by its user, the rest unknown",
      change: { trade_suspended_by_user: true, trading_blocked: undefined },
      expected: { isTradingBlocked: true },
    },
    {
      name: "one flag missing: whether it is blocked is unknown",
      change: { account_blocked: undefined },
      expected: { equity: 103_820.56 },
      absent: "isTradingBlocked",
      problem: /^trading_blocked, account_blocked, trade_suspended_by_user: not all/,
    },
    {
      name: "a flag as a string is none",
      change: { trading_blocked: "false" },
      expected: { equity: 103_820.56 },
      absent: "isTradingBlocked",
      problem: /^trading_blocked, /,
    },
  ])("$name", async ({ change, expected, absent, problem }) => {
    const server = await alpaca({ ...ACCOUNT, ...change }, []);
    const reading = await sourceOf(server.url).read(NEVER);
    expect(reading).toMatchObject(expected);
    if (absent !== undefined) expect(reading).not.toHaveProperty(absent);
    if (problem === undefined) expect(reading).not.toHaveProperty("problems");
    else expect(reading.problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe("an account that is none fails the reading", () => {
  test.each<{ name: string; account: unknown; says: string }>([
    {
      name: "an empty equity",
      account: { ...ACCOUNT, equity: "" },
      says: 'an account whose equity is "", not an amount',
    },
    {
      name: "a cash in words",
      account: { ...ACCOUNT, cash: "n/a" },
      says: 'whose cash is "n/a", not an amount',
    },
    {
      name: "NaN",
      account: { ...ACCOUNT, last_equity: "NaN" },
      says: 'whose last_equity is "NaN"',
    },
    {
      name: "a comma",
      account: { ...ACCOUNT, equity: "103,820.56" },
      says: 'whose equity is "103,820.56"',
    },
    {
      name: "an object",
      account: { ...ACCOUNT, intraday_adjustments: {} },
      says: "whose intraday_adjustments is an object",
    },
    { name: "a flag", account: { ...ACCOUNT, cash: false }, says: "whose cash is a boolean" },
    {
      name: "neither amount",
      account: { message: "hi" },
      says: "no account: neither equity nor cash nor last_equity is in it",
    },
    { name: "an array", account: [ACCOUNT], says: "an array, not an account" },
    { name: "null", account: null, says: "null, not an account" },
    { name: "a string", account: '"ok"', says: "a string, not an account" },
    { name: "a page", account: "<html>", says: "no JSON: <html>; check the URL" },
    { name: "too deep", account: `${"[".repeat(1e5)}${"]".repeat(1e5)}`, says: "an array, not" },
  ])("$name", async ({ account, says }) => {
    const server = await alpaca(account, []);
    const error = await errorOf(server.url);
    expect(error.message).toContain(`portfolio: GET ${server.url.origin}/v2/account answered `);
    expect(error.message).toContain(says);
  });

  test.each([401, 403])("%i: says what to check", async (status) => {
    const server = await alpaca({ message: `no ${KEY_ID} ${SECRET_KEY}` }, [], status);
    const error = await errorOf(server.url);
    expect(error.message).toBe(
      `portfolio: GET ${server.url.origin}/v2/account answered ${status} ({"message":"no *** ***"}); ` +
        "check keyId and secretKey; those of a paper and of a live account are not the same, " +
        "and this is asked as paper",
    );
  });

  test("429 says when to come back", async () => {
    const server = await alpaca({ message: "too many requests." }, [], 429);
    expect((await errorOf(server.url)).message).toMatch(
      /too many requests; X-RateLimit-Reset: 179/,
    );
  });

  test("nobody listens", async () => {
    const error = await errorOf(new URL(`http://127.0.0.1:${await freePort()}`));
    expect(error.message).toMatch(/v2\/account failed: connect ECONNREFUSED/);
  });

  test("and does not wait for the positions, nor keep their connection", async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const server = await serving((request, response) => {
      if (request.url === "/v2/positions") closed = once(request.socket, "close");
      else response.writeHead(500).end();
    });
    const reading = readSource(sourceOf(server.url, { timeoutMs: 60_000 }), NEVER);
    expect(await reading).toMatchObject({ status: "failed" });
    await closed;
  });
});

describe("positions that cannot be read are absent and said to be, the account stands", () => {
  test.each<{ name: string; positions: Answerer; says: RegExp }>([
    {
      name: "refused",
      positions: (response) => response.writeHead(500).end(SECRET_KEY),
      says: /^positions: GET http\S+\/v2\/positions answered 500 \(\*\*\*\): trouble/,
    },
    {
      name: "no array",
      positions: (response) => response.end('{"positions":[]}'),
      says: /^positions: GET http\S+\/v2\/positions answered an object, not an array$/,
    },
    {
      name: "no JSON",
      positions: (response) => response.end("[{]"),
      says: /answered no JSON: \[\{\]; check the URL$/,
    },
    {
      name: "cut off",
      positions: (response) => {
        response.writeHead(200, { "Content-Length": 100 }).write("[");
        response.flushHeaders();
        setImmediate(() => response.destroy());
      },
      says: /v2\/positions (answered 200, but was cut off|failed: )/,
    },
    {
      name: "never answered",
      positions: () => {},
      says: /v2\/positions was given up: no answer within 1600 ms$/,
    },
  ])("$name", async ({ positions, says }) => {
    const server = await serving((request, response) => {
      if (request.url === "/v2/account") response.end(JSON.stringify(ACCOUNT));
      else positions(response);
    });
    const reading = await readSource(sourceOf(server.url, { timeoutMs: 2000 }), NEVER);
    if (reading.status !== "read") throw reading.error;
    expect(reading.value).toMatchObject({ equity: 103_820.56, dailyPnl: 91.22 });
    expect(reading.value).not.toHaveProperty("positions");
    expect(reading.value.problems).toEqual([expect.stringMatching(says)]);
    expect(reading.value.problems?.join()).not.toContain(SECRET_KEY);
  });
});

describe("the time for a reading", () => {
  test("ends it when the server hangs, and both connections are closed", async () => {
    const closed: Promise<unknown>[] = [];
    const server = await servingSockets((socket) => {
      socket.resume();
      closed.push(once(socket, "close"));
    });
    const reading = await readSource(sourceOf(server.url, { timeoutMs: 500 }), NEVER);
    expect(reading).toMatchObject({
      status: "failed",
      error: new SourceError("portfolio", "gave no answer within 500 ms"),
    });
    expect(reading.seconds).toBeLessThan(5);
    await Promise.all(closed);
    expect(closed).toHaveLength(2);
  });

  test("is over at once when the reporter stops", async () => {
    const stop = new AbortController();
    const server = await serving(() => stop.abort(new Error("SIGTERM")));
    const reading = await readSource(sourceOf(server.url), stop.signal);
    expect(reading).toMatchObject({ error: new SourceError("portfolio", "SIGTERM") });
  });
});

describe("options", () => {
  test.each<{ name: string; change: object; says: string }>([
    {
      name: "another account",
      change: { account: "demo" },
      says: 'account must be "paper" or "live"',
    },
    { name: "an inherited account", change: { account: "toString" }, says: "account must be" },
    { name: "no key", change: { keyId: undefined }, says: "keyId is empty" },
    { name: "an empty secret", change: { secretKey: "" }, says: "secretKey is empty" },
    {
      name: "a secret with a line end",
      change: { secretKey: `${SECRET_KEY}\n` },
      says: "secretKey has a space, a line end",
    },
    {
      name: "a base URL that is none",
      change: { baseUrl: "paper" },
      says: "baseUrl: url is not a URL",
    },
    {
      name: "a base URL with user-info",
      change: { baseUrl: `https://a:${encodeURIComponent(SECRET_KEY)}@h` },
      says: "baseUrl has a query or user-info",
    },
    {
      name: "a base URL with a query",
      change: { baseUrl: "https://h/?a=1" },
      says: "baseUrl has a query",
    },
    { name: "no time", change: { timeoutMs: 0 }, says: "timeoutMs must be" },
    {
      name: "endless time",
      change: { timeoutMs: Number.POSITIVE_INFINITY },
      says: "timeoutMs must be",
    },
    { name: "a typo", change: { secretkey: "x" }, says: 'did you mean "secretKey"?' },
  ])("$name is refused", ({ change, says }) => {
    const create = () => sourceOf(new URL("http://h"), change);
    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(says);
    try {
      create();
    } catch (error) {
      expectNoSecrets(error, [KEY_ID, SECRET_KEY]);
    }
  });

  test.each([
    { account: "paper", host: "https://paper-api.alpaca.markets" },
    { account: "live", host: "https://api.alpaca.markets" },
  ] as const)("$account asks $host", async ({ account, host }) => {
    const source = createAlpacaSource({ account, keyId: KEY_ID, secretKey: SECRET_KEY });
    expect(source).toMatchObject({ name: "portfolio", timeoutMs: 5000 });
    // Nothing is sent: the signal has aborted before.
    const error = await sourceErrorOf(source.read(AbortSignal.abort(new Error("stop"))));
    expect(error.message).toBe(`portfolio: GET ${host}/v2/account was given up: stop`);
  });
});

/** Serves an account and positions; with a status, the account is refused with it. */
function alpaca(account: unknown, positions: unknown, status = 200) {
  return serving((request, response) => {
    const isAccount = request.url === "/v2/account";
    const body = isAccount ? account : positions;
    response.writeHead(isAccount ? status : 200, { "X-RateLimit-Reset": "1795000000" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

function sourceOf(baseUrl: URL, change: object = {}) {
  const options = { account: "paper", keyId: KEY_ID, secretKey: SECRET_KEY, baseUrl, ...change };
  return createAlpacaSource(options as AlpacaOptions);
}

function errorOf(url: URL): Promise<SourceError> {
  return sourceErrorOf(sourceOf(url).read(NEVER), [KEY_ID, SECRET_KEY]);
}
