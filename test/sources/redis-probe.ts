import type { Socket } from "node:net";
import { afterEach, expect } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { createRedisProbe } from "../../src/sources/probes/redis.ts";
import { type Reading, readSource } from "../../src/sources/source.ts";
import { type SocketServer, serveSockets } from "../support/socket-server.ts";

const opened: SocketServer[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** One reading of a probe. */
export function probe(
  url: string,
  more: { readonly ca?: string; readonly timeoutMs?: number } = {},
): Promise<Reading<true>> {
  const source = createRedisProbe({ name: "redis", url, ...more });
  return readSource(source, new AbortController().signal);
}

/** The message of a reading that failed as readings shall. */
export async function failure(reading: Promise<Reading<unknown>>): Promise<string> {
  const settled = await reading;
  if (settled.status === "read") throw new Error(`read ${JSON.stringify(settled.value)}`);
  expect(settled.error).toBeInstanceOf(SourceError);
  return settled.error.message;
}

/** A server that is no Redis, until the end of the test. */
export async function sockets(connected: (socket: Socket) => void): Promise<SocketServer> {
  const server = await serveSockets(connected);
  opened.push(server);
  return server;
}
