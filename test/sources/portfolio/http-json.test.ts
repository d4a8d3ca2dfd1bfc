import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError, SourceError } from "../../../src/errors.ts";
import {
  createHttpPortfolioSource,
  type HttpPortfolioOptions,
} from "../../../src/sources/portfolio/http-json.ts";
import { readSource } from "../../../src/sources/source.ts";
import { pem } from "../../support/socket-server.ts";
import { answering, rawAnswer, servingSockets, sourceErrorOf } from "../serving.ts";

const NEVER = new AbortController().signal;
const TOKEN = "t0k3n-of-mine";

describe("a reading", () => {
  test("takes every field from its path", async () => {
    const server = await answering({
      data: { total: "103820.56", "cash.usd": -12.5, open: [{}, {}], symbol: "USD" },
      accounts: [{ pnl: "1e2", close: 0 }, { flow: "-3.25" }],
      cents: { total: 12_345 },
    });
    const source = sourceOf(server.url, {
      equity: "data.total",
      cash: 'data["cash.usd"]',
      positions: "data.open",
      dailyPnl: "accounts[0].pnl",
      lastCloseEquity: "accounts[0].close",
      cashFlowToday: { path: "accounts[1].flow", scale: -1 },
      cashFlowTotal: { path: "cents.total", scale: 0.01 },
      currency: "data.symbol",
    });
    expect(source).toMatchObject({ name: "portfolio", timeoutMs: 5000 });
    expect(await source.read(NEVER)).toEqual({
      equity: 103_820.56,
      cash: -12.5,
      positions: 2,
      dailyPnl: 100,
      lastCloseEquity: 0,
      cashFlowToday: 3.25,
      // 12345 x 0.01 is 123.45000000000002 in some orders of doubles, and never here.
      cashFlowTotal: 123.45,
      currency: "USD",
    });
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  test.each([
    { value: 1_000_001, scale: 0.01, read: 10_000.01 },
    { value: "115", scale: 0.01, read: 1.15 },
    { value: 3, scale: 0.1, read: 0.3 },
    { value: "4.35", scale: 100, read: 435 },
    { value: 12, scale: 1e-8, read: 0.000_000_12 },
  ])("$value x $scale is $read", async ({ value, scale, read }) => {
    const server = await answering({ a: value });
    const reading = await sourceOf(server.url, { equity: { path: "a", scale } }).read(NEVER);
    expect(reading).toEqual({ equity: read });
  });

  test.each<{ value: unknown; positions: number }>([
    { value: [], positions: 0 },
    { value: 3, positions: 3 },
    { value: "12", positions: 12 },
  ])("of positions $value is $positions", async ({ value, positions }) => {
    const server = await answering(value);
    expect(await sourceOf(server.url, { positions: "$" }).read(NEVER)).toEqual({ positions });
  });

  test("takes the currency as it is given", async () => {
    const server = await answering({ a: 1 });
    const fields = { equity: "a", currency: { literal: "KRW" } };
    expect(await sourceOf(server.url, fields).read(NEVER)).toEqual({ equity: 1, currency: "KRW" });
  });

  test("over TLS with a given authority", async () => {
    const server = await servingSockets(async (socket) => {
      await once(socket, "data");
      socket.end(rawAnswer('{"a":"7.5"}'));
    }, "good");
    const source = sourceOf(server.url, { equity: "a" }, { ca: pem("ca.pem") });
    expect(await source.read(NEVER)).toEqual({ equity: 7.5 });
  });
});

describe("what cannot be read is absent and named", () => {
  test.each<{ name: string; cash: unknown; says: string }>([
    { name: "null", cash: null, says: "cash: b is null, not an amount" },
    { name: "no such key", cash: undefined, says: 'cash: $ has no "b"' },
    { name: "not a number", cash: "NaN", says: 'cash: b is "NaN", not an amount' },
    { name: "empty", cash: "", says: 'cash: b is "", not an amount' },
    { name: "words", cash: "about 5", says: 'cash: b is "about 5", not an amount' },
    { name: "the token", cash: TOKEN, says: 'cash: b is "***", not an amount' },
    {
      name: "long",
      cash: "9 ".repeat(99),
      says: `cash: b is "${"9 ".repeat(20)}…", not an amount`,
    },
    { name: "true", cash: true, says: "cash: b is a boolean, not an amount" },
    { name: "an array", cash: [1], says: "cash: b is an array, not an amount" },
    { name: "an object", cash: { amount: 1 }, says: "cash: b is an object, not an amount" },
  ])("$name", async ({ cash, says }) => {
    const server = await answering({ a: "1.5", b: cash });
    expect(await sourceOf(server.url, { equity: "a", cash: "b" }).read(NEVER)).toEqual({
      equity: 1.5,
      problems: [says],
    });
  });

  test("a number that JSON cannot hold", async () => {
    const server = await answering('{"a":1,"b":1e999}');
    expect(await sourceOf(server.url, { equity: "a", cash: "b" }).read(NEVER)).toEqual({
      equity: 1,
      problems: ["cash: b is Infinity, not an amount"],
    });
  });

  test.each<{ value: unknown }>([
    { value: -1 },
    { value: 1.5 },
    { value: "x" },
    { value: { SPY: 1 } },
    { value: 1e300 },
    { value: null },
  ])("positions of $value", async ({ value }) => {
    const server = await answering({ a: 1, b: value });
    const reading = await sourceOf(server.url, { equity: "a", positions: "b" }).read(NEVER);
    expect(reading).toEqual({
      equity: 1,
      problems: [expect.stringMatching(/^positions: b is .*, neither a count nor an array$/)],
    });
  });

  test.each<{ value: unknown }>([{ value: "" }, { value: 840 }, { value: 'U"D' }, { value: "$" }])(
    "a currency of $value",
    async ({ value }) => {
      const server = await answering({ a: 1, b: value });
      const reading = await sourceOf(server.url, { equity: "a", currency: "b" }).read(NEVER);
      expect(reading).toEqual({
        equity: 1,
        problems: [expect.stringMatching(/^currency: b is .*, not a currency$/)],
      });
    },
  );

  test.each([
    { name: "none of the fields", body: { c: 1, d: "USD" } },
    { name: "an array", body: [] },
    { name: "null", body: null },
  ])("and when it is all of them ($name), the reading fails", async ({ body }) => {
    const server = await answering(body);
    const fields = { equity: "a", cash: "b", currency: "d" };
    const error = await sourceErrorOf(sourceOf(server.url, fields).read(NEVER), [TOKEN]);
    expect(error.message).toMatch(
      /^portfolio: GET http\S+ answered none of the fields: equity: \$ .*; cash: \$ /,
    );
  });

  test("nor does a currency that is given make a reading", async () => {
    const server = await answering({});
    const fields = { equity: "a", currency: { literal: "USD" } };
    await sourceErrorOf(sourceOf(server.url, fields).read(NEVER));
  });
});

test.each([
  { name: "a refusal", status: 403, body: TOKEN, says: /answered 403 \(\*\*\*\); check the cred/ },
  { name: "no JSON", status: 200, body: "<html>", says: /answered no JSON: <html>; check the URL/ },
])("$name fails the reading", async ({ status, body, says }) => {
  const server = await answering(body, status);
  const error = await sourceErrorOf(sourceOf(server.url, { equity: "a" }).read(NEVER), [TOKEN]);
  expect(error.message).toMatch(says);
});

test("a server that hangs ends at the timeout, with its connection", async () => {
  let closed: Promise<unknown> = Promise.resolve();
  const server = await servingSockets((socket) => {
    socket.resume();
    closed = once(socket, "close");
  });
  const source = sourceOf(server.url, { equity: "a" }, { timeoutMs: 200 });
  expect(await readSource(source, NEVER)).toMatchObject({
    error: new SourceError("portfolio", "gave no answer within 200 ms"),
  });
  await closed;
});

describe("options", () => {
  test.each<{ name: string; change: object; says: string }>([
    { name: "no fields", change: { fields: undefined }, says: "fields is missing" },
    { name: "no field", change: { fields: {} }, says: "fields names nothing to read" },
    { name: "the currency alone", change: { fields: { currency: "a" } }, says: "names nothing" },
    { name: "a typo", change: { fields: { equty: "a" } }, says: 'did you mean "equity"?' },
    { name: "no path", change: { fields: { cash: 7 } }, says: "fields.cash: expected a path" },
    {
      name: "a path in a null",
      change: { fields: { cash: null } },
      says: "fields.cash: expected a path",
    },
    {
      name: "a bad path",
      change: { fields: { cash: "a." } },
      says: 'fields.cash: "a." is no path',
    },
    { name: "a scale alone", change: { fields: { cash: { scale: 2 } } }, says: "expected a path" },
    {
      name: "a scale of 0",
      change: { fields: { cash: { path: "a", scale: 0 } } },
      says: "fields.cash: scale must be",
    },
    {
      name: "a scale of NaN",
      change: { fields: { cash: { path: "a", scale: Number.NaN } } },
      says: "scale must be",
    },
    {
      name: "a scale in words",
      change: { fields: { cash: { path: "a", scale: "2" } } },
      says: "scale must be",
    },
    {
      name: "factor",
      change: { fields: { cash: { path: "a", factor: 2 } } },
      says: 'unknown key "factor"',
    },
    {
      name: "scaled positions",
      change: { fields: { positions: { path: "a", scale: 2 } } },
      says: "fields.positions: expected a path",
    },
    {
      name: "a currency in words",
      change: { fields: { cash: "a", currency: { literal: "US dollar" } } },
      says: "fields.currency: expected a path, or a symbol",
    },
    { name: "no time", change: { timeoutMs: -1 }, says: "timeoutMs must be" },
    { name: "no URL", change: { url: `x@${TOKEN}` }, says: "url is not a URL" },
    { name: "a typo beside", change: { tokn: TOKEN }, says: 'did you mean "token"?' },
  ])("$name is refused", ({ change, says }) => {
    const options = { url: "http://h/", fields: { equity: "a" }, ...change };
    const create = () => createHttpPortfolioSource(options as HttpPortfolioOptions);
    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(says);
  });
});

function sourceOf(
  url: URL,
  fields: HttpPortfolioOptions["fields"],
  more: Partial<HttpPortfolioOptions> = {},
) {
  return createHttpPortfolioSource({ url, token: TOKEN, fields, ...more });
}
