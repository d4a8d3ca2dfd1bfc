import { setMaxListeners } from "node:events";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "./http-server.ts";

/** What the proxy does with one request, once its body has arrived whole. */
export type Fault =
  | { readonly type: "pass" }
  /** Passed on, with pauses. Goes on without a client that gave up: a real proxy has the body by then. */
  | { readonly type: "delay"; readonly forwardMs?: number; readonly answerMs?: number }
  /**
   * Passed on, and answered with 504 when no answer came in time. The request stays outstanding:
   * whoever waits behind the proxy may still carry it out. With `forwardMs` it is on its way for as
   * long, e.g. because a packet was lost, and arrives even after the 504.
   */
  | { readonly type: "gateway-timeout"; readonly afterMs: number; readonly forwardMs?: number }
  /** Answered here, never passed on. */
  | {
      readonly type: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Passed on; the head of a 200 that announces a body comes back, then FIN. */
  | { readonly type: "half-close" }
  /**
   * Passed on up to so many bytes of its body; then FIN (`half-close`) or RST (`reset`) towards the
   * upstream, and RST towards the client once the upstream is done with it.
   */
  | {
      readonly type: "cut-request";
      readonly bodyBytes: number;
      readonly how: "half-close" | "reset";
    }
  /** Passed on; so many bytes of the answer, head included, come back, then RST. */
  | { readonly type: "cut-answer"; readonly bytes: number }
  /** Answered with a 200 whose body never ends, as fast as it is read. Never passed on. */
  | { readonly type: "endless-answer" }
  /** Neither answered nor passed on. */
  | { readonly type: "stall" };

export type FaultRequest = {
  readonly method: string;
  /** As sent: not decoded, with its query. */
  readonly path: string;
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  /** 0 for the first request that arrived at the proxy. */
  readonly index: number;
};

/** One request as the proxy saw it. */
export type ProxiedRequest = FaultRequest & {
  readonly fault: Fault["type"];
  /** When its body had arrived, in milliseconds of `performance.now()`. */
  readonly at: number;
  /** Status of the upstream's answer, absent until it came. */
  readonly upstreamStatus?: number;
  /** The upstream answered after the proxy had answered in its place. */
  readonly isLate: boolean;
};

export type FaultProxy = {
  readonly url: URL;
  /** In order of arrival. Entries change while their requests are outstanding. */
  readonly requests: readonly ProxiedRequest[];
  /** Cuts all connections, outstanding requests included. */
  readonly close: () => Promise<void>;
};

type Entry = { -readonly [Key in keyof ProxiedRequest]: ProxiedRequest[Key] };

type Passing = {
  readonly upstream: URL;
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly entry: Entry;
  /** Aborts when the proxy closes. */
  readonly closing: AbortSignal;
};

type UpstreamAnswer = {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** Between two hops, not between the two ends (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** An HTTP proxy on a free loopback port, in front of `upstream`, which spoils what it is told to. */
export async function startFaultProxy(
  upstream: URL,
  faultOf: (request: FaultRequest) => Fault,
): Promise<FaultProxy> {
  const requests: Entry[] = [];
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  const server = await serve((request, response, body) => {
    const { method = "", url: path = "", headers } = request;
    const seen = { method, path, headers, body, index: requests.length };
    const fault = faultOf(seen);
    const at = performance.now();
    const entry = { ...seen, fault: fault.type, at, isLate: false };
    requests.push(entry);
    const passing = { upstream, request, body, entry, closing: closing.signal };
    commit(fault, passing, response).catch((error: unknown) => {
      // The upstream gave no answer, and that is what a proxy tells. A close has nobody to tell.
      if (!closing.signal.aborted) answer(response, 502, {}, `${error}\n`);
    });
  });

  return {
    url: server.url,
    requests,
    async close() {
      closing.abort();
      await server.close();
    },
  };
}

async function commit(fault: Fault, passing: Passing, response: ServerResponse): Promise<void> {
  const { closing, entry, upstream } = passing;
  switch (fault.type) {
    case "pass":
      return giveBack(response, await pass(passing));
    case "delay": {
      await pause(fault.forwardMs ?? 0, closing);
      const answered = await pass(passing);
      await pause(fault.answerMs ?? 0, closing);
      return giveBack(response, answered);
    }
    case "gateway-timeout": {
      const answered = pause(fault.forwardMs ?? 0, closing).then(() => pass(passing));
      const timeout = pause(fault.afterMs, closing).then(() => undefined);
      const first = await Promise.race([answered, timeout]);
      if (first !== undefined) return giveBack(response, first);
      entry.isLate = true;
      // It may still come, or never: nobody waits for it any more.
      answered.catch(() => {});
      return answer(response, 504, {}, `no answer from ${upstream.host} in time\n`);
    }
    case "answer":
      return answer(response, fault.status, fault.headers ?? {}, fault.body ?? "");
    case "half-close":
      await pass(passing);
      response.socket?.end("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
      return;
    case "cut-request":
      await passUpTo(fault, passing);
      response.socket?.resetAndDestroy();
      return;
    case "cut-answer": {
      const bytes = serialise(await pass(passing)).subarray(0, fault.bytes);
      const { socket } = response;
      socket?.write(bytes, () => socket.resetAndDestroy());
      return;
    }
    case "endless-answer":
      return endless(response);
    case "stall":
      return;
    default:
      return fault satisfies never;
  }
}

/** Carries a whole request to the upstream, and its whole answer back to the caller. */
function pass(passing: Passing): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const forwarded = open(passing, resolve);
    forwarded.on("error", reject);
    forwarded.end(passing.body);
  });
}

/** Resolves when the upstream has answered what it got, or hung up, or was hung up on. */
function passUpTo(
  { bodyBytes, how }: Extract<Fault, { type: "cut-request" }>,
  passing: Passing,
): Promise<void> {
  return new Promise((resolve) => {
    const forwarded = open(passing, () => resolve());
    forwarded.on("error", () => resolve());
    forwarded.flushHeaders();
    forwarded.write(passing.body.subarray(0, bodyBytes), () => {
      if (how === "half-close") forwarded.socket?.end();
      else forwarded.socket?.resetAndDestroy();
    });
  });
}

function open(
  { upstream, request, body, entry, closing }: Passing,
  answered: (answer: UpstreamAnswer) => void,
) {
  const { method = "", url = "" } = request;
  // A connection of its own: one that was kept alive could have died, and that is another fault.
  const forwarded = openRequest(new URL(url, upstream), {
    method,
    agent: false,
    headers: { ...endToEnd(request.headers), "content-length": body.length },
    signal: closing,
  });
  return forwarded.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", (error) => forwarded.destroy(error));
    response.on("end", () => {
      const { statusCode: status = 0, statusMessage: reason = "", headers } = response;
      entry.upstreamStatus = status;
      answered({ status, reason, headers, body: Buffer.concat(chunks) });
    });
  });
}

function giveBack(response: ServerResponse, { status, headers, body }: UpstreamAnswer): void {
  answer(response, status, endToEnd(headers), body);
}

function answer(
  response: ServerResponse,
  status: number,
  headers: IncomingHttpHeaders,
  body: string | Buffer,
): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

function serialise({ status, reason, headers, body }: UpstreamAnswer): Buffer {
  const lines = Object.entries({ ...endToEnd(headers), "content-length": body.length });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(0x4000, "x");
  response.writeHead(200, { "content-type": "text/plain" });
  const more = () => {
    if (response.destroyed || response.socket?.destroyed !== false) return;
    // Not in one go: this process may play the other side too.
    if (response.write(chunk)) setImmediate(more);
    else response.once("drain", more);
  };
  more();
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await sleep(milliseconds, undefined, { signal });
}
