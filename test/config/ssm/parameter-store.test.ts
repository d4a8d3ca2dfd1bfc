import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  createParameterStore,
  type ParameterStore,
  type ParameterStoreOptions,
} from "../../../src/config/ssm/parameter-store.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  refusal,
  serveParameters,
} from "../../support/parameter-store.ts";
import { serveSockets } from "../../support/socket-server.ts";

const A = "/bell/a";
const B = "/bell/b";

let ssm: ParameterServer;
/** Monotonic seconds. */
let clock: number;
let store: ParameterStore;

beforeEach(async () => {
  ssm = await serveParameters({ [A]: "alpha", [B]: "beta" });
  clock = 1000;
  store = storeWith();
});

afterEach(() => ssm.close());

function storeWith(options: ParameterStoreOptions = {}): ParameterStore {
  return createParameterStore({
    region: "eu-west-1",
    endpoint: ssm.url.href,
    credentials: FAKE_CREDENTIALS,
    now: () => clock,
    ...options,
  });
}

describe("a read", () => {
  test("is one signed request for all names, decrypted", async () => {
    expect(await store.read([A, B, A])).toEqual(
      new Map([
        [A, "alpha"],
        [B, "beta"],
      ]),
    );

    expect(ssm.calls).toEqual([
      {
        names: [A, B],
        decrypts: true,
        headers: expect.objectContaining({
          "x-amz-security-token": "fake-token",
          authorization: expect.stringMatching(
            /^AWS4-HMAC-SHA256 Credential=AKIAFAKE\/\d+\/eu-west-1\/ssm\/aws4_request, /,
          ),
        }),
      },
    ]);
  });

  test("of 12 names is two requests side by side", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `/bell/${index}`);
    for (const name of names) ssm.parameters.set(name, `value of ${name}`);
    const [first, second] = [ssm.hold(), ssm.hold()];

    const reading = store.read(names);
    // Each waits for its answer while the other is there.
    await Promise.all([first.arrived, second.arrived]);
    first.release();
    second.release();

    expect([...(await reading)]).toEqual(names.map((name) => [name, `value of ${name}`]));
    expect(ssm.calls.map((call) => call.names.length).sort()).toEqual([10, 2]);
  });

  test("of no names asks nothing", async () => {
    expect(await store.read([])).toEqual(new Map());
    expect(ssm.calls).toEqual([]);
  });

  test("finds a version under the name that it was asked by", async () => {
    expect((await store.read([`${A}:3`])).get(`${A}:3`)).toBe("alpha");
  });

  test("leaves no connection behind that was to be kept alive", async () => {
    let hungUp = () => {};
    const closed = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const body = JSON.stringify({ Parameters: [{ Name: A, Value: "alpha" }] });
    const server = await serveSockets((socket) => {
      socket.on("close", hungUp);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.once("data", () => socket.write(`${head}${body}`));
    });
    expect((await storeWith({ endpoint: server.url.href }).read([A])).get(A)).toBe("alpha");
    await closed;
    await server.close();
  });

  test("says where it looked", async () => {
    expect((await store.read([A])).region).toBe("eu-west-1");
  });

  test("names all that do not exist in one error, and leaves them out where that is asked for", async () => {
    const read = store.read([A, "/bell/none", "/bell/gone"]);
    await expect(read).rejects.toThrow(
      "SSM parameters /bell/none, /bell/gone in eu-west-1 do not exist (InvalidParameters); create them as SecureString, or check name, region and account",
    );
    await expect(store.read(["/bell/none"])).rejects.toThrow(ConfigError);

    expect(await store.read([A, "/bell/none"], { missing: "omit" })).toEqual(
      new Map([[A, "alpha"]]),
    );
    expect(ssm.calls).toHaveLength(1);
  });

  test("that needs what did not exist asks again after ten seconds, another one in its time", async () => {
    await store.read(["/bell/late"], { missing: "omit" });
    ssm.parameters.set("/bell/late", "there");

    clock += 11;
    expect(await store.read(["/bell/late"], { missing: "omit" })).toEqual(new Map());
    expect(await store.read(["/bell/late"])).toEqual(new Map([["/bell/late", "there"]]));
    expect(ssm.calls).toHaveLength(2);
  });
});

describe("what was read", () => {
  test("is kept for 300 seconds, and asked for again then", async () => {
    await store.read([A]);
    ssm.parameters.set(A, "changed");

    clock += 299.9;
    expect((await store.read([A])).get(A)).toBe("alpha");
    clock += 0.1;
    expect((await store.read([A])).get(A)).toBe("changed");
    expect(ssm.calls).toHaveLength(2);
  });

  test("is asked for beside what was not: only the latter", async () => {
    await store.read([A]);
    expect((await store.read([A, B])).get(A)).toBe("alpha");
    expect(ssm.calls.map(({ names }) => names)).toEqual([[A], [B]]);
  });

  test("is asked for once by fifty at a time", async () => {
    const held = ssm.hold();
    const reads = Array.from({ length: 50 }, () => store.read([A, B]));
    await held.arrived;
    reads.push(store.read([B]));
    held.release();

    for (const values of await Promise.all(reads)) expect(values.get(B)).toBe("beta");
    expect(ssm.calls).toHaveLength(1);
  });

  test("is not lost to others when one of those who wait gives up", async () => {
    const held = ssm.hold();
    const stop = new AbortController();
    const given = store.read([A], { signal: stop.signal });
    const patient = store.read([A]);
    await held.arrived;
    stop.abort(new Error("no time"));

    await expect(given).rejects.toThrow("no time");
    held.release();
    expect((await patient).get(A)).toBe("alpha");
    expect(ssm.calls).toHaveLength(1);
  });

  test("is not waited for by anybody any more: the request ends, and the next read begins anew", async () => {
    const held = ssm.hold();
    const stop = new AbortController();
    const reads = [1, 2].map(() => store.read([A], { signal: stop.signal }));
    await held.arrived;
    stop.abort(new Error("stopped"));

    for (const read of reads) await expect(read).rejects.toThrow("stopped");
    expect((await store.read([A])).get(A)).toBe("alpha");
    await held.disconnected;
    expect(ssm.calls).toHaveLength(2);
  });
});

describe("a refresh", () => {
  test("asks anew for all that was ever read, and says what changed", async () => {
    await store.read([A, B]);
    await store.read(["/bell/none"], { missing: "omit" });
    ssm.parameters.set(B, "changed").set("/bell/none", "new");

    expect(await store.refresh()).toEqual({ status: "refreshed", changed: [B, "/bell/none"] });
    expect((await store.read([A, B])).get(B)).toBe("changed");
    expect(ssm.calls.map(({ names }) => names).at(-1)).toEqual([A, B, "/bell/none"]);
  });

  test("is one request for all that want it at a time, and one in ten seconds", async () => {
    await store.read([A]);
    const held = ssm.hold();
    const refreshes = Array.from({ length: 50 }, () => store.refresh());
    await held.arrived;
    refreshes.push(store.refresh());
    held.release();

    for (const result of await Promise.all(refreshes)) expect(result.status).toBe("refreshed");
    clock += 9.9;
    expect(await store.refresh()).toEqual({ status: "too soon" });
    expect(ssm.calls).toHaveLength(2);
    clock += 0.1;
    expect(await store.refresh()).toEqual({ status: "refreshed", changed: [] });
    expect(ssm.calls).toHaveLength(3);
  });

  test("that fails is told, counts, and leaves what is known", async () => {
    await store.read([A]);
    ssm.refusal = refusal("AccessDeniedException", "not any more");

    expect(await store.refresh()).toEqual({ status: "failed", error: expect.any(ConfigError) });
    expect(await store.refresh()).toEqual({ status: "too soon" });
    const values = await store.read([A]);
    expect(values.get(A)).toBe("alpha");
    // It is as young as it would be anyway.
    expect(values.stale).toBeUndefined();
  });
});

test.each<{ options: object; problem: string }>([
  { options: { ttlSecond: 1 }, problem: 'unknown key "ttlSecond"; did you mean "ttlSeconds"?' },
  { options: { endpoint: "here" }, problem: "endpoint is not a URL" },
  { options: { ttlSeconds: 0 }, problem: "ttlSeconds must be above 0, got 0" },
  { options: { timeoutMs: Number.NaN }, problem: "timeoutMs must be above 0, got NaN" },
  { options: { timeoutMs: 2 ** 31 }, problem: "timeoutMs must be above 0, got 2147483648" },
])("a store is refused: $problem", ({ options, problem }) => {
  expect(() => createParameterStore(options)).toThrow(problem);
});
