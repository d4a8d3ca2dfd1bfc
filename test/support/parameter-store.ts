import { once } from "node:events";
import { type RecordedRequest, serve } from "./http-server.ts";

/** One call of GetParameters, as it arrived. */
export type ParameterCall = Pick<RecordedRequest, "headers"> & {
  readonly names: readonly string[];
  readonly decrypts: boolean;
};

/** What is answered instead of parameters. */
export type Refusal = { readonly status: number; readonly body: string };

/** A call that is not answered until the test says so. */
export type HeldCall = {
  /** It is there. */
  readonly arrived: Promise<void>;
  /** The client hung up. */
  readonly disconnected: Promise<void>;
  /** Answers it. */
  readonly release: () => void;
};

export type ParameterServer = {
  readonly url: URL;
  /** SecureStrings by name. A test changes them. */
  readonly parameters: Map<string, string>;
  /** Answered to every call while it is set. */
  refusal: Refusal | undefined;
  /** In order of arrival. */
  readonly calls: readonly ParameterCall[];
  /** Keeps the next call waiting. */
  readonly hold: () => HeldCall;
  readonly close: () => Promise<void>;
};

/** Names in one call: what the service takes. */
const MOST_NAMES = 10;

/** For `createParameterStore`, and as a process finds them in its environment. */
export const FAKE_CREDENTIALS = {
  accessKeyId: "AKIAFAKE",
  secretAccessKey: "fake-secret",
  sessionToken: "fake-token",
};

/** What the AWS SDK needs in its environment to ask a server. */
export function environmentOf({ url }: Pick<ParameterServer, "url">): Record<string, string> {
  return {
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: FAKE_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: FAKE_CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_SSM: url.href,
  };
}

/** A refusal in the service's own form. */
export function refusal(type: string, message: string, status = 400): Refusal {
  return { status, body: JSON.stringify({ __type: type, message }) };
}

/** A real HTTP server that speaks the protocol of SSM (AWS JSON 1.1), on a free loopback port. */
export async function serveParameters(
  initial: Readonly<Record<string, string>> = {},
): Promise<ParameterServer> {
  const parameters = new Map(Object.entries(initial));
  const calls: ParameterCall[] = [];
  const holds: ((answer: () => void, closed: Promise<void>) => void)[] = [];
  const server = await serve((request, response, body) => {
    const { Names, WithDecryption } = JSON.parse(`${body}`) as {
      readonly Names: readonly string[];
      readonly WithDecryption?: boolean;
    };
    const call = { headers: request.headers, names: Names, decrypts: WithDecryption === true };
    calls.push(call);
    const answer = () => {
      const given = parametersServer.refusal ?? answerTo(call, parameters);
      response.writeHead(given.status, { "content-type": "application/x-amz-json-1.1" });
      response.end(given.body);
    };
    const hold = holds.shift();
    if (hold === undefined) answer();
    else
      hold(
        answer,
        once(request.socket, "close").then(() => {}),
      );
  });
  const parametersServer: ParameterServer = {
    url: server.url,
    parameters,
    refusal: undefined,
    calls,
    hold() {
      const { promise: arrived, resolve: arrive } = deferred();
      const { promise: disconnected, resolve: disconnect } = deferred();
      let release = () => {};
      holds.push((answer, closed) => {
        release = answer;
        void closed.then(disconnect);
        arrive();
      });
      return { arrived, disconnected, release: () => release() };
    },
    close: server.close,
  };
  return parametersServer;
}

function answerTo(
  { names, decrypts, headers }: ParameterCall,
  parameters: ReadonlyMap<string, string>,
): Refusal {
  if (headers["x-amz-target"] !== "AmazonSSM.GetParameters") {
    return refusal("UnknownOperationException", "");
  }
  if (names.length > MOST_NAMES) {
    return refusal("ValidationException", "Member must have length less than or equal to 10");
  }
  const found = names.flatMap((name) => {
    // A version or label is answered beside the name.
    const [, Name = name, Selector] = /^(\/[^:]+)(:.+)$/.exec(name) ?? [];
    const value = parameters.get(Name);
    if (value === undefined) return [];
    const Value = decrypts ? value : `AQICAH${Buffer.from(value).toString("base64")}`;
    return [{ Name, Type: "SecureString", Value, Version: 1, ...(Selector && { Selector }) }];
  });
  const known = new Set(found.map(({ Name, Selector = "" }) => `${Name}${Selector}`));
  const InvalidParameters = names.filter((name) => !known.has(name));
  return { status: 200, body: JSON.stringify({ Parameters: found, InvalidParameters }) };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
