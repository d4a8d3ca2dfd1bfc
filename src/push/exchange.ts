import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";

/** One HTTP request and its whole answer, over node:http with kept-alive connections. */
export type Exchange = {
  request(request: OutgoingRequest): Promise<Answer>;
  /** Ends idle connections. */
  close(): void;
};

export type OutgoingRequest = {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Ends the exchange wherever it is. */
  readonly signal: AbortSignal;
  /** Bytes of the answer's body that are read before the connection is dropped. */
  readonly maxAnswerBytes: number;
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** The body was longer than what is read of it. */
  readonly truncated: boolean;
};

/**
 * The addresses of a host, in the order in which they are tried. For those to whom the system's own
 * lookup, which cannot be given up, is not good enough.
 *
 * @param signal aborts when nobody waits for the answer any more.
 */
export type Lookup = (host: string, signal: AbortSignal) => Promise<readonly HostAddress[]>;

export type HostAddress = { readonly address: string; readonly family: 4 | 6 };

export type ExchangeOptions = {
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
  /** Instead of the system's. */
  readonly lookup?: Lookup;
};

/** No whole answer: what happened, and whether it happened on a connection that was used before. */
export class ExchangeFailure extends Error {
  override readonly name = "ExchangeFailure";
  /** Code of the system or of TLS, e.g. `ECONNREFUSED`, `CERT_HAS_EXPIRED`; `CUT_OFF` for half an answer. */
  readonly code: string;
  /** A kept-alive connection that the other side had already closed: not a sign of trouble. */
  readonly onReusedConnection: boolean;
  /** There was no connection, or no agreed TLS on it: nothing of the request left this machine. */
  readonly neverSent: boolean;

  constructor(
    message: string,
    options: {
      readonly code: string;
      readonly onReusedConnection: boolean;
      readonly neverSent: boolean;
      readonly cause: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.onReusedConnection = options.onReusedConnection;
    this.neverSent = options.neverSent;
  }
}

export function createExchange(
  scheme: "http:" | "https:",
  { ca, lookup }: ExchangeOptions = {},
): Exchange {
  // Loaded at the first request: an import of node:http costs a job that never pushes 25 ms.
  const { Agent, request: open } =
    scheme === "https:"
      ? process.getBuiltinModule("node:https")
      : process.getBuiltinModule("node:http");
  const agent: Agent = new Agent({
    keepAlive: true,
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off behind our back.
    ...(scheme === "https:" ? { rejectUnauthorized: true } : {}),
    ...(ca === undefined ? {} : { ca }),
  });

  return {
    request: ({ method, url, headers, body, signal, maxAnswerBytes }) =>
      new Promise<Answer>((resolve, reject) => {
        const length = body === undefined ? {} : { "Content-Length": `${body.length}` };
        const request: ClientRequest = open(url, {
          agent,
          method,
          headers: { ...headers, ...length },
          signal,
          ...(lookup === undefined ? {} : { lookup: nodeLookup(lookup, signal) }),
        });
        let isConnected = false;
        request.on("socket", (socket) => {
          isConnected = request.reusedSocket;
          if (isConnected) return;
          socket.once(scheme === "https:" ? "secureConnect" : "connect", () => {
            isConnected = true;
          });
        });
        request.on("error", (error: NodeJS.ErrnoException) => {
          const code = error.code ?? "ECONNRESET";
          const onReusedConnection = request.reusedSocket;
          const how = { code, onReusedConnection, neverSent: !isConnected, cause: error };
          reject(new ExchangeFailure(error.message, how));
        });
        request.on("response", (response) => {
          readAnswer(response, maxAnswerBytes).then(resolve, reject);
        });
        // Without a listener Node drops the connection and tells nobody: the call would never settle.
        request.on("upgrade", ({ statusCode: status = 0, headers }, socket) => {
          socket.destroy();
          resolve({ status, headers, body: Buffer.alloc(0), truncated: false });
        });
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** As node:net asks for it. */
function nodeLookup(lookup: Lookup, signal: AbortSignal): LookupFunction {
  return (host, { all }, answer) => {
    lookup(host, signal).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) answer(notFound(host), "");
        else if (all) answer(null, [...addresses]);
        else answer(null, first.address, first.family);
      },
      (error) => answer(error, ""),
    );
  };
}

/** In the system's own words. */
function notFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) {
        response.destroy();
        // Only quoted, if at all: not worth a copy of all that came.
        return { status, headers, body: chunks[0] ?? Buffer.alloc(0), truncated: true };
      }
    }
  } catch (cause) {
    throw new ExchangeFailure(
      `the answer (status ${status}) was cut off after ${length} bytes of its body`,
      { code: "CUT_OFF", onReusedConnection: false, neverSent: false, cause },
    );
  }
  return { status, headers, body: Buffer.concat(chunks), truncated: false };
}
