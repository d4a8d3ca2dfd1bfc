import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  createParameterStore,
  type ParameterStoreOptions,
} from "../../../src/config/ssm/parameter-store.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  type Refusal,
  refusal,
  serveParameters,
} from "../../support/parameter-store.ts";
import { type SocketServer, serveSockets } from "../../support/socket-server.ts";

const NAME = "/bell/password";
const SECRET = "opensesame";

/** Nothing of these may ever be said. */
const UNSPEAKABLE = /opensesame|fake-secret|fake-token/;

let ssm: ParameterServer;
/** Monotonic seconds. */
let clock: number;
const opened: SocketServer[] = [];

beforeEach(async () => {
  ssm = await serveParameters({ [NAME]: SECRET });
  clock = 1000;
});

afterEach(async () => {
  await ssm.close();
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

function storeWith(options: ParameterStoreOptions = {}) {
  return createParameterStore({
    region: "eu-west-1",
    endpoint: ssm.url.href,
    credentials: FAKE_CREDENTIALS,
    now: () => clock,
    ...options,
  });
}

/** What a read is refused with. Everything about the error is looked at for secrets. */
async function refusalOf(reading: Promise<unknown>): Promise<string> {
  const thrown = await reading.then(
    (value) => new Error(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ConfigError);
  const error = thrown as ConfigError;
  const own = JSON.stringify(Object.getOwnPropertyDescriptors(error));
  expect(`${error.message}${error.stack}${own}`).not.toMatch(UNSPEAKABLE);
  expect(error.cause).toBeUndefined();
  return error.message;
}

describe("a read that fails says what was asked, what came back and what to do", () => {
  test.each<{ answer: Refusal; calls?: number; problem: string }>([
    {
      answer: refusal("AccessDeniedException", "User: arn:x is not authorized"),
      problem:
        "AccessDeniedException: User: arn:x is not authorized; allow ssm:GetParameters on exactly these parameters, and kms:Decrypt on the key of those that are SecureString",
    },
    {
      answer: refusal("ThrottlingException", "Rate exceeded"),
      calls: 2,
      problem:
        "ThrottlingException: Rate exceeded; too many calls of this account and region: fetch less often",
    },
    {
      answer: refusal("ExpiredTokenException", "The security token is expired"),
      problem: "The security token is expired; the credentials have expired: sign in again",
    },
    {
      answer: refusal("UnrecognizedClientException", "The security token is invalid."),
      problem: "The security token is invalid; the access key is wrong",
    },
    {
      answer: refusal("InvalidSignatureException", "It should have been:\nx-amz:fake-token"),
      problem: "InvalidSignatureException; the secret access key is wrong",
    },
    {
      answer: refusal("ValidationException", "Value at 'names' failed"),
      problem: "Value at 'names' failed; a name is none",
    },
    {
      answer: refusal("InternalServerError", "oops", 500),
      calls: 2,
      problem: "InternalServerError: oops",
    },
    {
      answer: { status: 200, body: "<html>sign in</html>" },
      problem: "SyntaxError; what answered is not SSM",
    },
    {
      // The parser would quote what stands around the place where it breaks off.
      answer: { status: 200, body: `{"Parameters":[{"Value":"${SECRET}"x` },
      problem: "SyntaxError; what answered is not SSM",
    },
    {
      answer: { status: 200, body: "{}" },
      problem: `the answer says nothing of ${NAME}; is this SSM?`,
    },
    {
      answer: { status: 200, body: `{"Parameters":[{"Name":"${NAME}","Value":7}]}` },
      problem: "is this SSM?",
    },
  ])("$problem", async ({ answer, calls = 1, problem }) => {
    ssm.refusal = answer;

    const message = await refusalOf(storeWith().read([NAME]));

    expect(message).toMatch(/^SSM parameter \/bell\/password in eu-west-1: /);
    expect(message).toContain(problem);
    expect(ssm.calls).toHaveLength(calls);
  });

  test("every batch, once", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `/bell/${index}`);
    ssm.refusal = refusal("AccessDeniedException", "no");
    const message = await refusalOf(storeWith().read(names));
    expect(message.match(/AccessDenied/g)).toHaveLength(2);
  });
});

describe("a call that hangs is ended after its time, on the wire too", () => {
  test("when no answer comes", async () => {
    const held = ssm.hold();
    const message = await refusalOf(storeWith({ timeoutMs: 300 }).read([NAME]));

    expect(message).toBe(
      "SSM parameter /bell/password in eu-west-1: no answer within 300 ms; a function in a VPC needs a NAT or an ssm interface endpoint to reach SSM",
    );
    await held.disconnected;
    expect(ssm.calls).toHaveLength(1);
  });

  test("when an answer drips and never ends", async () => {
    let hungUp = () => {};
    const closed = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const server = await serveSockets((socket) => {
      socket.on("close", hungUp);
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
        const drip = setInterval(() => socket.write(" "), 20);
        socket.on("close", () => clearInterval(drip));
      });
    });
    opened.push(server);
    const store = storeWith({ endpoint: server.url.href, timeoutMs: 300 });

    expect(await refusalOf(store.read([NAME]))).toContain("no answer within 300 ms");
    await closed;
  });
});

describe("when SSM cannot be asked any more, what is known is served, and that it is old is said once", () => {
  test.each<{ name: string; break: () => void; timeoutMs?: number; problem: string }>([
    {
      name: "an error",
      break: () => {
        ssm.refusal = refusal("InternalServerError", "oops", 500);
      },
      problem: "InternalServerError",
    },
    {
      name: "throttling",
      break: () => {
        ssm.refusal = refusal("ThrottlingException", "Rate exceeded");
      },
      problem: "ThrottlingException",
    },
    {
      name: "no answer",
      break: () => ssm.hold(),
      timeoutMs: 300,
      problem: "no answer within 300 ms",
    },
  ])("$name", async ({ break: breakIt, timeoutMs = 5000, problem }) => {
    const store = storeWith({ timeoutMs });
    await store.read([NAME]);
    clock += 400;
    breakIt();

    const reads = await Promise.all([store.read([NAME]), store.read([NAME])]);

    expect(reads.map((values) => values.get(NAME))).toEqual([SECRET, SECRET]);
    expect(reads.flatMap(({ stale }) => stale ?? [])).toEqual([
      { ageSeconds: 400, error: expect.objectContaining({ name: "ConfigError" }) },
    ]);
    expect(reads[0]?.stale?.error.message).toContain(problem);
  });

  test("SSM is left alone for ten seconds, then tried again, silently", async () => {
    const store = storeWith();
    await store.read([NAME]);
    clock += 400;
    ssm.refusal = refusal("AccessDeniedException", "no");

    expect((await store.read([NAME])).stale).toBeDefined();
    clock += 9;
    expect((await store.read([NAME])).stale).toBeUndefined();
    expect(ssm.calls).toHaveLength(2);
    clock += 1;
    expect((await store.read([NAME])).stale).toBeUndefined();
    expect(ssm.calls).toHaveLength(3);
  });

  test("after it has recovered, the next outage is said again", async () => {
    const store = storeWith();
    await store.read([NAME]);
    for (const outage of [1, 2]) {
      clock += 400;
      ssm.refusal = refusal("AccessDeniedException", `no ${outage}`);
      expect((await store.read([NAME])).stale?.error.message).toContain(`no ${outage}`);
      clock += 10;
      ssm.refusal = undefined;
      expect((await store.read([NAME])).stale).toBeUndefined();
    }
  });

  test("what was never read is an error all the same, and what else was asked for with it", async () => {
    const store = storeWith();
    await store.read([NAME]);
    clock += 400;
    ssm.refusal = refusal("AccessDeniedException", "no");
    const message = await refusalOf(store.read([NAME, "/bell/other"]));
    expect(message).toContain("AccessDenied");
    expect(message).toContain("/bell/other");
  });
});
