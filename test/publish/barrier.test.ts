import { afterEach, describe, expect, test } from "@jest/globals";
import { barrier } from "../../src/publish/barrier.ts";
import { serve } from "../support/http-server.ts";
import { clientOf, endPublishing } from "./publishing.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await endPublishing();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const FOREVER = new AbortController().signal;

describe("the barrier", () => {
  test("asks with our credentials until the gateway answers 200, and waits a while then", async () => {
    const { server, client } = await answering([503, 502, 504, 429, 200]);
    const began = performance.now();
    await barrier(client, FOREVER);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array(5).fill("GET /-/ready"),
    );
    expect(server.requests[0]?.headers.authorization).toBe("Bearer t0ken");
    // Four pauses, and the time for what was waiting in the gateway.
    expect(performance.now() - began).toBeGreaterThan(4 * 95 + 240);
  });

  test.each([401, 403, 404, 302])(
    "gives up at %p at once: waiting does not help",
    async (status) => {
      const { server, client } = await answering([status, 200]);
      await expect(barrier(client, FOREVER)).rejects.toMatchObject({ code: "ERR_PUSH", status });
      expect(server.requests).toHaveLength(1);
    },
  );

  test("gives up when the signal aborts, with what the gateway said last", async () => {
    const { client } = await answering([503]);
    const signal = AbortSignal.timeout(150);
    await expect(barrier(client, signal)).rejects.toMatchObject({
      code: "ERR_PUSH",
      message: expect.stringContaining("GET /-/ready"),
    });
  });

  test("has not resolved when the signal aborts after the answer: a push may still come", async () => {
    const { client } = await answering([200]);
    await expect(barrier(client, AbortSignal.timeout(150))).rejects.toThrow();
  });
});

/** The last answer is given again and again. */
async function answering(statuses: readonly number[]) {
  let answers = 0;
  const server = await serve((_, response) => {
    response.writeHead(statuses[Math.min(answers++, statuses.length - 1)] ?? 200).end();
  });
  cleanups.push(() => server.close());
  const client = clientOf(server.url, { credentials: { type: "bearer", token: "t0ken" } });
  return { server, client };
}
