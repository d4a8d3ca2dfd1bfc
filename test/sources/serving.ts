import { afterEach, expect } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { type RequestHandler, serve, type TestServer } from "../support/http-server.ts";
import { type SocketServer, serveSockets } from "../support/socket-server.ts";

const cleanups: (() => unknown)[] = [];
const servers: TestServer[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  // The whole promise of a source: it changes nothing.
  const requests = servers.splice(0).flatMap((server) => server.requests);
  for (const { method, body } of requests) {
    expect(method).toBe("GET");
    expect(body).toHaveLength(0);
  }
});

/** A server that is closed after the test, which fails when anything but a GET reached it. */
export async function serving(handler: RequestHandler): Promise<TestServer> {
  const server = await serve(handler);
  servers.push(server);
  cleanups.push(() => server.close());
  return server;
}

/** Answers every request alike. A string is the body as it is; anything else is sent as JSON. */
export function answering(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  return serving((_, response) => {
    response.writeHead(status, headers);
    response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  });
}

/** Like {@link serveSockets}, closed after the test. */
export async function servingSockets(
  ...args: Parameters<typeof serveSockets>
): Promise<SocketServer> {
  const server = await serveSockets(...args);
  cleanups.push(() => server.close());
  return server;
}

/** The bytes of an answer in HTTP/1.1. */
export function rawAnswer(body: string, length = Buffer.byteLength(body)): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** What a promise rejects with; it must be a SourceError, and no secret in its or its causes' words. */
export async function sourceErrorOf(
  promise: Promise<unknown>,
  secrets: readonly string[] = [],
): Promise<SourceError> {
  const error = await promise.then(
    (value) => new Error(`resolved with ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SourceError);
  expectNoSecrets(error, secrets);
  return error as SourceError;
}

/** Looks at everything an error says: messages, stacks and own properties, down all causes. */
export function expectNoSecrets(thrown: unknown, secrets: readonly string[]): void {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const own = JSON.stringify({ ...error, cause: undefined });
    const said = `${error.message}\n${error.stack}\n${own}`;
    for (const secret of secrets) expect(said).not.toContain(secret);
  }
}
