import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PushError } from "../../src/errors.ts";
import type { Credentials } from "../../src/gateway-url.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { runCatalogue } from "../../src/metrics/catalogue.ts";
import { expositionOfText } from "../../src/push/body.ts";
import { createPushClient, type PushClient } from "../../src/push/client.ts";
import { createRotatingClient } from "../../src/push/rotating-client.ts";
import { type GuardedGateway, startGuardedGateway } from "../support/guarded-gateway.ts";

const KEY = groupingKey("nightly");
const BODY = expositionOfText(KEY, "# TYPE rows gauge\nrows 7\n");

let gateway: GuardedGateway;
/** What a look-up finds. */
let found: Credentials | undefined;
let lookups: number;
const clients: PushClient[] = [];

beforeEach(async () => {
  gateway = await startGuardedGateway("bell:new");
  found = passwordOf("new");
  lookups = 0;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await gateway.close();
});

function passwordOf(password: string): Credentials {
  return { type: "basic", username: "bell", password };
}

function clientWith(
  renew: (signal: AbortSignal) => Promise<Credentials | undefined> = async () => found,
  credentials: Credentials = passwordOf("old"),
): PushClient {
  const client = createRotatingClient({
    credentials,
    connect: (current) =>
      createPushClient({
        url: gateway.url,
        ...(current === undefined ? {} : { credentials: current }),
      }),
    renew: (signal) => {
      lookups++;
      return renew(signal);
    },
  });
  clients.push(client);
  return client;
}

/** Status of the refusal. */
async function refusalOf(call: Promise<unknown>): Promise<PushError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PushError);
  return error as PushError;
}

describe("a call that is refused", () => {
  test.each([401, 403] as const)(
    "with %i is repeated once with newer credentials",
    async (status) => {
      gateway.refusal = status;
      const client = clientWith();

      expect(await client.push(KEY, BODY)).toMatchObject({ status: "accepted" });

      expect(gateway.requests.map(({ method }) => method)).toEqual(["PUT", "PUT"]);
      expect(await client.get("/metrics")).toContain('rows{instance="",job="nightly"} 7');
      expect(lookups).toBe(1);
    },
  );

  test("is repeated whichever it is", async () => {
    for (const call of [
      (client: PushClient) => client.pushAdd(KEY, BODY),
      (client: PushClient) => client.delete(KEY),
      (client: PushClient) => client.get("/metrics"),
    ]) {
      await call(clientWith());
    }
    expect(lookups).toBe(3);
  });

  test("is not repeated when the credentials are the same", async () => {
    found = passwordOf("old");
    const error = await refusalOf(clientWith().push(KEY, BODY));
    expect(error.status).toBe(401);
    expect(gateway.requests).toHaveLength(1);
  });

  test.each<Credentials | undefined>([
    undefined,
    passwordOf("wrong too"),
    { type: "basic", username: "other", password: "old" },
    { type: "bearer", token: "old" },
  ])("is told when what is found does not help: %j", async (credentials) => {
    found = credentials;
    const error = await refusalOf(clientWith().push(KEY, BODY));
    expect(error.status).toBe(401);
    expect(gateway.requests).toHaveLength(credentials === undefined ? 1 : 2);
    expect(lookups).toBe(1);
  });

  test("is told with why no others could be looked up", async () => {
    const failing = async () => {
      throw new Error("SSM is away");
    };
    const error = await refusalOf(clientWith(failing).push(KEY, BODY));
    expect(error.status).toBe(401);
    expect(error.message).toMatch(
      /refused \(401\).*; newer credentials could not be looked up: SSM is away$/,
    );
  });

  test("by something else is no matter of credentials", async () => {
    gateway.accepts = "bell:old";
    const error = await refusalOf(clientWith().get("/nowhere"));
    expect(error.status).toBe(404);
    expect(lookups).toBe(0);
  });
});

test("many that are refused together look up once, and all are repeated", async () => {
  let allRefused = () => {};
  const refusals = new Promise<void>((resolve) => {
    allRefused = resolve;
  });
  let refused = 0;
  const client = createRotatingClient({
    credentials: passwordOf("old"),
    connect: (credentials) => {
      const connected = createPushClient({ url: gateway.url, ...(credentials && { credentials }) });
      clients.push(connected);
      return {
        ...connected,
        push: (...call) =>
          connected.push(...call).catch((error: unknown) => {
            if (++refused === 30) setImmediate(allRefused);
            throw error;
          }),
      };
    },
    renew: async () => {
      lookups++;
      // Until each of them waits for what is found.
      await refusals;
      return found;
    },
  });
  await Promise.all(Array.from({ length: 30 }, () => client.push(KEY, BODY)));
  // Later ones begin with what was found.
  await client.push(KEY, BODY);
  expect(lookups).toBe(1);
  expect(gateway.requests).toHaveLength(61);
});

test("one that gives up takes the look-up from nobody else, and the last one ends it", async () => {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let ended: unknown;
  const client = clientWith(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          ended = signal.reason;
          reject(signal.reason);
        });
        begin();
      }),
  );
  const stop = new AbortController();
  const call = refusalOf(client.push(KEY, BODY, { signal: stop.signal }));
  await begun;
  stop.abort(new Error("no time"));

  expect((await call).message).toContain("could not be looked up: no time");
  expect(ended).toBeInstanceOf(Error);
});

test("is the same client all along: its gateway, and what it did", async () => {
  const client = clientWith();
  const pushes = () => {
    const { name } = runCatalogue.pushesTotal;
    const family = client.metrics.families().find((each) => each.name === name);
    return family?.samples.map((sample) => ({
      ...sample.labels,
      value: "value" in sample && sample.value,
    }));
  };
  await client.push(KEY, BODY);
  await client.push(KEY, BODY);

  expect(client.gateway).toBe(gateway.url.origin);
  expect(pushes()).toEqual([
    { result: "failed", value: 1 },
    { result: "confirmed", value: 2 },
  ]);
  await client.delete(KEY);
  expect(pushes()).toContainEqual({ result: "confirmed", value: 3 });
});
