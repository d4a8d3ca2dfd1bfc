import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import { createHttpValue, type HttpValueOptions } from "../../src/sources/http-value.ts";
import { pem } from "../support/socket-server.ts";
import { answering, rawAnswer, servingSockets, sourceErrorOf } from "./serving.ts";

const NEVER = new AbortController().signal;
const TOKEN = "t0k3n-of-mine";

describe("at a path", () => {
  test.each<{ name: string; body: unknown; value: string | null }>([
    { name: "true", body: { a: { "x.y": true } }, value: "true" },
    { name: "false", body: { a: { "x.y": false } }, value: "false" },
    { name: "a number", body: { a: { "x.y": 1.5 } }, value: "1.5" },
    { name: "zero", body: { a: { "x.y": 0 } }, value: "0" },
    { name: "a string, as it is", body: { a: { "x.y": " ON " } }, value: " ON " },
    { name: "an empty string", body: { a: { "x.y": "" } }, value: "" },
    { name: "null", body: { a: { "x.y": null } }, value: null },
    { name: "nothing", body: { a: {} }, value: null },
    { name: "nothing on the way", body: { b: 1 }, value: null },
    { name: "an array on the way", body: [], value: null },
  ])("is $name", async ({ body, value }) => {
    const server = await answering(body);
    expect(await read({ url: server.url, path: 'a["x.y"]' })).toBe(value);
  });

  test.each([
    { body: '{"a":{"b":1}}', says: "an object at a, not a value" },
    { body: '{"a":[1]}', says: "an array at a, not a value" },
    { body: '{"a":1e999}', says: "a number too large" },
    { body: "on", says: "answered no JSON: on; check the URL" },
  ])("$body is none", async ({ body, says }) => {
    const server = await answering(body);
    const error = await sourceErrorOf(read({ url: server.url, path: "a" }));
    expect(error.message).toContain(`http: GET ${server.url.href} answered `);
    expect(error.message).toContain(says);
  });
});

describe("without a path the body is the value", () => {
  test.each<{ body: string; value: string | null }>([
    { body: "on\n", value: "on" },
    { body: "true", value: "true" },
    { body: "1.0", value: "1.0" },
    { body: "007", value: "007" },
    { body: '"on"', value: "on" },
    { body: '"half', value: '"half' },
    { body: "null", value: null },
    { body: "[unquoted", value: "[unquoted" },
    { body: "", value: "" },
    { body: "2026-11-22T09:30:00Z\r\n", value: "2026-11-22T09:30:00Z" },
  ])("$body", async ({ body, value }) => {
    const server = await answering(body);
    expect(await read({ url: server.url })).toBe(value);
  });

  test.each([
    {
      name: "a page",
      body: "<!DOCTYPE html><p>Log in",
      headers: {},
      says: "a page, not a value: <!DOCTYPE html>",
    },
    {
      name: "what calls itself a page",
      body: "on",
      headers: { "Content-Type": "text/html; charset=utf-8" },
      says: "a page",
    },
    {
      name: "an object",
      body: '{"on":true}',
      headers: {},
      says: "an object, not a value; give the path of one",
    },
    {
      name: "an array",
      body: "[1]",
      headers: {},
      says: "an array, not a value; give the path of one",
    },
    {
      name: "a log",
      body: "x".repeat(1025),
      headers: {},
      says: "1025 characters, too many for one value",
    },
  ])("but not $name", async ({ body, headers, says }) => {
    const server = await answering(body, 200, headers);
    expect((await sourceErrorOf(read({ url: server.url }))).message).toContain(says);
  });
});

test("a token is sent and shown nowhere; a 404 is an error, not an absent value", async () => {
  const server = await answering({ TOKEN }, 404);
  const url = new URL("/state?key=0123456789", server.url);
  const error = await sourceErrorOf(read({ url, path: "a", token: TOKEN }), [TOKEN, "0123456789"]);
  expect(error.message).toContain("answered 404");
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
});

test("describes itself without secrets", () => {
  const url = `https://a:secret@bot.example/state?key=${TOKEN}`;
  expect(createHttpValue({ url }).describe).toBe("GET https://bot.example/state");
  expect(createHttpValue({ url, path: "$.a[0]" }).describe).toBe(
    "GET https://bot.example/state, a[0]",
  );
});

test("reads over TLS with a given authority", async () => {
  const server = await servingSockets((socket) => {
    once(socket, "data").then(
      () => socket.end(rawAnswer("on")),
      () => {},
    );
  }, "good");
  expect(await read({ url: server.url, ca: pem("ca.pem") })).toBe("on");
});

test.each([
  { name: "an unknown key", given: { url: "http://h", pfad: "a" }, says: 'unknown key "pfad"' },
  {
    name: "a path that is none",
    given: { url: "http://h", path: "a..b" },
    says: "createHttpValue: path: ",
  },
  { name: "an empty path", given: { url: "http://h", path: "" }, says: "it is empty" },
])("refuses $name", ({ given, says }) => {
  const create = () => createHttpValue(given as HttpValueOptions);
  expect(create).toThrow(InvalidOptionError);
  expect(create).toThrow(says);
});

function read(options: HttpValueOptions): Promise<string | null> {
  return createHttpValue(options).read(NEVER);
}
