import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { createSsmValue } from "../../src/sources/ssm-value.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { type SocketServer, serveSockets } from "../support/socket-server.ts";
import { readInChild } from "../support/source-child.ts";

const NEVER = new AbortController().signal;

const CREDENTIALS = {
  accessKeyId: "AKIAFAKE",
  secretAccessKey: "fake-secret",
  sessionToken: "fake-token",
};

type Answer = { readonly status: number; readonly body: string };

const HALTED = ok({ Parameter: { Name: "/bot/kill", Type: "SecureString", Value: "halted" } });

/** What the stand-in for SSM answers, call by call; the last one for good. */
let answers: readonly Answer[] = [];
let ssm: TestServer;
let asked = 0;
const opened: SocketServer[] = [];

beforeAll(async () => {
  ssm = await serve((_, response) => {
    const { status, body } = answers[Math.min(asked++, answers.length - 1)] ?? HALTED;
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(body);
  });
});

afterEach(async () => {
  answers = [];
  asked = 0;
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

afterAll(() => ssm.close());

function ok(body: object): Answer {
  return { status: 200, body: JSON.stringify(body) };
}

function refusal(type: string, message: string, status = 400): Answer {
  return { status, body: JSON.stringify({ __type: type, message }) };
}

function parameter(name = "/bot/kill") {
  const options = { region: "eu-west-1", endpoint: ssm.url.href, credentials: CREDENTIALS };
  return createSsmValue({ name, ...options });
}

describe("a parameter", () => {
  test("is read decrypted, by a signed call", async () => {
    expect(await parameter().read(NEVER)).toBe("halted");

    const { method, path, headers, body } = ssm.requests.at(-1) ?? {};
    expect({ method, path }).toEqual({ method: "POST", path: "/" });
    expect(headers).toMatchObject({
      "x-amz-target": "AmazonSSM.GetParameter",
      "x-amz-security-token": "fake-token",
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIAFAKE\/\d+\/eu-west-1\/ssm\/aws4_request, /,
      ),
    });
    expect(JSON.parse(`${body}`)).toEqual({ Name: "/bot/kill", WithDecryption: true });
  });

  test("that is not there is null", async () => {
    answers = [refusal("ParameterNotFound", "")];
    expect(await parameter().read(NEVER)).toBeNull();
  });

  test("is asked for once more when the first call was throttled", async () => {
    answers = [refusal("ThrottlingException", "Rate exceeded"), HALTED];
    expect(await parameter().read(NEVER)).toBe("halted");
    expect(asked).toBe(2);
  });

  test.each([
    {
      answer: refusal("AccessDeniedException", "User: arn:x is not authorized"),
      problem:
        "AccessDeniedException from HOST: User: arn:x is not authorized; allow ssm:GetParameter",
    },
    {
      answer: refusal("ThrottlingException", "Rate exceeded"),
      calls: 2,
      problem: "ThrottlingException from HOST: Rate exceeded; too many calls",
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
      answer: refusal(
        "InvalidSignatureException",
        "It should have been:\nx-amz-security-token:fake-token",
      ),
      problem: "InvalidSignatureException from HOST; the secret access key is wrong",
    },
    {
      answer: refusal("ParameterVersionNotFound", "no 9"),
      problem: "no 9; the parameter has no such version",
    },
    {
      answer: refusal("InternalServerError", "oops", 500),
      calls: 2,
      problem: "InternalServerError from HOST: oops",
    },
    { answer: { status: 200, body: "<html>sign in</html>" }, problem: "what answered is not SSM" },
    { answer: { status: 404, body: "not here" }, problem: "what answered is not SSM" },
    { answer: ok({}), problem: "the answer holds no value; is this SSM?" },
    { answer: ok({ Parameter: { Value: 1 } }), problem: "the answer holds no value; is this SSM?" },
  ])("is unknown: $problem", async ({ answer, calls = 1, problem }) => {
    answers = [answer];
    const message = await parameter()
      .read(NEVER)
      .then(String, (error: unknown) => {
        expect(error).toBeInstanceOf(SourceError);
        return (error as Error).message;
      });
    expect(message).toMatch(/^ssm: SSM parameter \/bot\/kill in eu-west-1: /);
    expect(message).toContain(problem.replace("HOST", ssm.url.host));
    expect(message).not.toMatch(/fake-token|fake-secret|Deserialization/);
    expect(asked).toBe(calls);
  });

  test("whose answer does not come: the call ends with the reading, on the wire too", async () => {
    const stop = new AbortController();
    let hungUp = () => {};
    const closed = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const server = await serveSockets((socket) => {
      socket.on("close", hungUp);
      socket.once("data", () => stop.abort("stopped"));
    });
    opened.push(server);
    const options = { endpoint: server.url.href, region: "eu-west-1", credentials: CREDENTIALS };
    const value = createSsmValue({ name: "n", ...options });
    await expect(value.read(stop.signal)).rejects.toBe("stopped");
    await closed;
    expect(server.connections()).toBe(1);
  });

  test("leaves no connection behind that was to be kept alive", async () => {
    let hungUp = () => {};
    const closed = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const server = await serveSockets((socket) => {
      socket.on("close", hungUp);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${HALTED.body.length}\r\n\r\n`;
      socket.once("data", () => socket.write(`${head}${HALTED.body}`));
    });
    opened.push(server);
    const options = { endpoint: server.url.href, region: "eu-west-1", credentials: CREDENTIALS };
    expect(await createSsmValue({ name: "n", ...options }).read(NEVER)).toBe("halted");
    await closed;
  });

  test("reads the options first", () => {
    const options = { name: "n", Region: "eu-west-1" };
    expect(() => createSsmValue(options)).toThrow('did you mean "region"?');
    expect(() => createSsmValue({ name: "" })).toThrow("name is empty");
    expect(() => createSsmValue({ name: "n", endpoint: "here" })).toThrow("endpoint is not a URL");
  });
});

describe("a process that reads a parameter", () => {
  test("finds credentials in its environment, prints nothing, and ends by itself", async () => {
    const silent = await serveSockets(() => {});
    const cut = await serveSockets((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")),
    );
    opened.push(silent, cut);
    const gone = await serveSockets(() => {});
    await gone.close();
    const ask = (endpoint: URL) => ({ name: "/bot/kill", endpoint: endpoint.href });
    const child = await readInChild(
      [
        { parameter: ask(ssm.url), timeoutMs: 10_000 },
        { parameter: ask(gone.url), timeoutMs: 10_000 },
        { parameter: ask(cut.url), timeoutMs: 10_000 },
        { parameter: ask(silent.url), timeoutMs: 300 },
      ],
      {
        env: { AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "AKIAFAKE", AWS_SECRET_ACCESS_KEY: "x" },
      },
    );

    expect(child).toMatchObject({ code: 0, stderr: "" });
    expect(child.readings).toEqual([
      { value: "halted" },
      { error: expect.stringMatching(/ECONNREFUSED.*; nothing listens there/) },
      { error: expect.stringContaining("the connection was cut before a whole answer came") },
      { error: "value: gave no answer within 300 ms" },
    ]);
    expect(child.lingeredMs).toBeLessThan(1500);
  });

  test("that is bundled reads too, and is told that there is no region or are no credentials", async () => {
    const home = mkdtempSync(join(tmpdir(), "closing-bell-home-"));
    const endpoint = ssm.url.href;
    const child = await readInChild(
      [
        {
          parameter: { name: "n", endpoint, region: "eu-west-1", credentials: CREDENTIALS },
          timeoutMs: 10_000,
        },
        { parameter: { name: "n", endpoint, credentials: CREDENTIALS }, timeoutMs: 10_000 },
        { parameter: { name: "n", endpoint, region: "eu-west-1" }, timeoutMs: 10_000 },
      ],
      { packages: "inside", env: { HOME: home, AWS_EC2_METADATA_DISABLED: "true" } },
    );
    rmSync(home, { recursive: true, force: true });

    expect(child).toMatchObject({ code: 0, stderr: "" });
    expect(child.readings).toEqual([
      { value: "halted" },
      { error: 'ssm: SSM parameter n: no region is known: say "region", or set AWS_REGION' },
      { error: expect.stringMatching(/CredentialsProviderError.*; give a role .*AWS_PROFILE/) },
    ]);
    expect(asked).toBe(1);
  });
});
