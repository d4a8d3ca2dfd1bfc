import type { IncomingMessage, RequestOptions } from "node:http";
import { InvalidOptionError, messageOf } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { AgentError } from "./errors.ts";
import { quote } from "./quote.ts";

/** Newest version of the API (https://platform.claude.com/docs/en/api/versioning, 2026-11). */
const API_VERSION = "2026-10-21";

/** Bytes of an answer that are read; a decision takes about one thousand. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The longest wait that is worth it, milliseconds. Who asks for more gets no second attempt. */
const MAX_WAIT_MS = 20_000;

const ATTEMPTS = 2;

export type MessagesPostOptions = {
  readonly apiKey: string;
  readonly baseUrl: string | URL;
  /** Milliseconds. */
  readonly retryDelayMs: number;
};

/** Sends a request; gives the JSON of the answer with status 200, undefined when it was none. */
export type MessagesPost = (body: object, signal: AbortSignal) => Promise<unknown>;

/**
 * POST to `/v1/messages`. A second and last attempt is made when the API is overloaded, limits the
 * rate, fails (429, 5xx, 529) or did not answer, after the wait that it asks for.
 *
 * A 200 is never asked for again, even if its body is not whole: it is charged.
 *
 * @throws {InvalidOptionError} for a key or a base URL that cannot be.
 * @throws {AgentError} from the call, for every other end than a 200; and an `AbortError` once its
 * signal has aborted.
 */
export function createMessagesPost(options: MessagesPostOptions): MessagesPost {
  const { apiKey: key, retryDelayMs } = options;
  if (typeof key !== "string" || !/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidOptionError(
      "the API key holds what no header can; is there a blank or a line end in it?",
    );
  }
  if (!(retryDelayMs >= 0 && retryDelayMs <= MAX_WAIT_MS)) {
    throw new InvalidOptionError(
      `retryDelayMs must be milliseconds from 0 to ${MAX_WAIT_MS}, got ${retryDelayMs}`,
    );
  }
  const url = messagesUrl(options.baseUrl);
  const what = `POST ${url}`;

  return async (request, signal) => {
    const body = Buffer.from(JSON.stringify(request));
    for (let attempt = 1; ; attempt++) {
      const result = await send(url, { key, body, signal });
      if (!("failure" in result) && result.status === 200) return jsonOf(result);
      const waitMs = waitOf(result, retryDelayMs);
      if (attempt === ATTEMPTS || waitMs > MAX_WAIT_MS) {
        throw errorOf(what, result, { key, attempt });
      }
      await pause(waitMs, signal);
    }
  };
}

/** @throws {InvalidOptionError} that does not repeat the URL: it may hold a password. */
function messagesUrl(baseUrl: string | URL): string {
  const url = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new InvalidOptionError("baseUrl must be an http: or https: URL");
  }
  if (`${url.username}${url.password}${url.search}${url.hash}` !== "") {
    throw new InvalidOptionError("baseUrl must have no user-info, query or fragment");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}/v1/messages`;
}

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** As far as it came. */
  readonly text: string;
};

type Result = Answer | { readonly failure: unknown };

type Sending = { readonly key: string; readonly body: Buffer; readonly signal: AbortSignal };

/** One attempt, over a connection of its own: between two analyses a function may sleep for an hour. */
async function send(url: string, { key, body, signal }: Sending): Promise<Result> {
  try {
    const response = await open(url, { key, body, signal });
    const { statusCode: status = 0, headers } = response;
    const text = await textOf(response);
    throwIfAborted(signal);
    return { status, headers, text };
  } catch (failure) {
    throwIfAborted(signal);
    return { failure };
  }
}

/** Resolves when the head of the answer is there. */
function open(url: string, { key, body, signal }: Sending): Promise<IncomingMessage> {
  const isTls = url.startsWith("https:");
  // Loaded at the first request: an import of node:http costs a job that asks no model 25 ms.
  const { request } = isTls
    ? process.getBuiltinModule("node:https")
    : process.getBuiltinModule("node:http");
  const options: RequestOptions & { rejectUnauthorized?: boolean } = {
    method: "POST",
    agent: false,
    headers: {
      "User-Agent": `closing-bell/${VERSION}`,
      Accept: "application/json",
      "Accept-Encoding": "identity",
      "Content-Type": "application/json",
      "Content-Length": `${body.length}`,
      "anthropic-version": API_VERSION,
      "x-api-key": key,
    },
    signal,
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off behind our back.
    ...(isTls ? { rejectUnauthorized: true } : {}),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options);
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    // Without a listener Node drops the connection and tells nobody: the call would never settle.
    outgoing.on("upgrade", (answer, socket) => {
      socket.destroy();
      resolve(answer);
    });
    outgoing.end(body);
  });
}

/** The body as far as it comes. One that is cut off, or too long, is no JSON, and that is said later. */
async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      // Leaving the loop closes the connection.
      if (length > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // What came before the cut is what there is.
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** By the name that Node's own aborts have, which marks the request as given up and not as failed. */
function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const { reason } = signal as { readonly reason: unknown };
  throw Object.assign(new Error("the request was given up", { cause: reason }), {
    name: "AbortError",
  });
}

/** @throws an `AbortError` as soon as the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: wait } = process.getBuiltinModule("node:timers/promises");
  await wait(ms, undefined, { signal });
}

function jsonOf({ text }: Answer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How long to wait before the request is sent again, milliseconds; endless when it is not. */
function waitOf(result: Result, retryDelayMs: number): number {
  if ("failure" in result) return retryDelayMs;
  const { status, headers } = result;
  // Of the API itself, and its SDK heeds it: what it says not to send again stays unsent.
  if (headers["x-should-retry"] === "false") return Number.POSITIVE_INFINITY;
  if (status !== 429 && status < 500) return Number.POSITIVE_INFINITY;
  const { "retry-after": after = "" } = headers;
  const ms = /^\d+(\.\d+)?$/.test(after) ? Number(after) * 1000 : Date.parse(after) - Date.now();
  return Number.isNaN(ms) ? retryDelayMs : Math.max(ms, 0);
}

type Circumstances = { readonly key: string; readonly attempt: number };

/** What was tried, what came back, what to do. */
function errorOf(what: string, result: Result, { key, attempt }: Circumstances): AgentError {
  const tries = attempt > 1 ? ` ${attempt} times` : "";
  if ("failure" in result) {
    const { failure: cause } = result;
    const code = String((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
    const message = quote(messageOf(cause), key) || code;
    return new AgentError(`${what} failed${tries}: ${message}${adviceFor(code)}`, { cause });
  }
  const { status, headers, text } = result;
  const said = saidIn(text, key);
  const id = headers["request-id"];
  const request = typeof id === "string" ? ` (request ${quote(id, key, 40)})` : "";
  return new AgentError(
    `${what} was refused${tries} (${status}${said && `: ${said}`})${request}${remedyFor(status)}`,
    { status },
  );
}

/** The API's own words in the body of an error, else its beginning. */
function saidIn(text: string, key: string): string {
  try {
    const { error } = JSON.parse(text) as { readonly error: { readonly [name: string]: unknown } };
    return quote(`${error["type"]}, ${error["message"]}`, key);
  } catch {
    return quote(text, key, 60);
  }
}

function remedyFor(status: number): string {
  if (status === 401 || status === 403) return "; check the API key, and that it may use the model";
  if (status === 404) return "; check the model's name and the base URL";
  if (status === 429) return "; ask for fewer tickers at once, or raise the rate limit";
  if (status >= 300 && status < 400) return "; redirects are not followed, check the base URL";
  return "";
}

function adviceFor(code: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "; check the host name in the base URL";
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) return "; check the server's certificate";
  return "";
}
