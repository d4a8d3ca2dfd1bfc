import type { IncomingMessage, RequestOptions } from "node:http";
import { asError, SourceError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { refusal } from "./http-refusal.ts";
import type { HttpTarget } from "./http-target.ts";
import { quote } from "./quote.ts";

/** Bytes of an answer that are read; a longer one is refused. */
const MAX_BODY_BYTES = 1024 * 1024;

/** The whole body of an answer with status 200. */
export type Body = {
  readonly text: string;
  /** Content-Type as the server has it; empty when it says none. */
  readonly contentType: string;
};

/**
 * One GET and its whole answer, over a connection of its own. Never another method, never a redirect
 * followed, never repeated. The connection is closed when this settles and when the signal aborts.
 *
 * @param source names the source in errors.
 * @throws {SourceError} for every other end than a whole 200 in UTF-8. No credentials are in its text
 * or in its causes'.
 */
export async function httpGet(
  source: string,
  target: HttpTarget,
  signal: AbortSignal,
): Promise<Body> {
  const fail = (problem: string, cause?: unknown) =>
    new SourceError(source, `GET ${target.shown} ${problem}`, cause === undefined ? {} : { cause });
  let answer: IncomingMessage;
  let body: Buffer;
  try {
    signal.throwIfAborted();
    answer = await request(target, signal);
    if (answer.statusCode !== 200) {
      throw fail(refusal(answer, await beginningOf(answer), target));
    }
    body = await wholeOf(answer, signal, fail);
  } catch (thrown) {
    const why: unknown = signal.aborted ? signal.reason : thrown;
    if (thrown instanceof SourceError) throw thrown;
    if (why instanceof SourceError) throw why;
    throw fail(...noAnswer(asErrno(why), signal, target));
  }
  const { "content-encoding": encoding = "identity", "content-type": contentType = "" } =
    answer.headers;
  if (encoding.toLowerCase() !== "identity") {
    const shown = quote(encoding, target.secrets, 20);
    throw fail(`answered in the encoding ${shown}, which nobody asked for`);
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(body), contentType };
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more
    throw fail(`answered what is not UTF-8: ${quote(body.toString("latin1"), target.secrets)}`);
  }
}

/** Sends the request; resolves when the head of the answer is there. */
function request(
  { url, headers, ca, lookup }: HttpTarget,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const isTls = url.startsWith("https:");
  // Loaded at the first request: an import of node:http costs a job that never asks 25 ms.
  const { request: open } = isTls
    ? process.getBuiltinModule("node:https")
    : process.getBuiltinModule("node:http");
  const options: RequestOptions & { rejectUnauthorized?: boolean } = {
    method: "GET",
    // No connection outlives the reading: between two, a function may sleep for an hour.
    agent: false,
    headers: {
      "User-Agent": `closing-bell/${VERSION}`,
      Accept: "application/json, text/plain;q=0.9, */*;q=0.1",
      "Accept-Encoding": "identity",
      ...headers,
    },
    signal,
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off behind our back.
    ...(isTls ? { rejectUnauthorized: true } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(lookup === undefined ? {} : { lookup }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = open(url, options);
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    // Without a listener Node drops the connection and tells nobody: the call would never settle.
    outgoing.on("upgrade", (answer, socket) => {
      socket.destroy();
      resolve(answer);
    });
    outgoing.end();
  });
}

async function wholeOf(
  answer: IncomingMessage,
  signal: AbortSignal,
  fail: (problem: string, cause?: unknown) => SourceError,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      // Leaving the loop closes the connection.
      if (length > MAX_BODY_BYTES) break;
    }
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw fail(`answered 200, but was cut off after ${length} bytes of the body`, cause);
  }
  if (length > MAX_BODY_BYTES) throw fail(`answered more than ${MAX_BODY_BYTES} bytes`);
  return Buffer.concat(chunks, length);
}

/** What a refusal says, as far as it comes: its status counts. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > 64 * 1024) break;
    }
  } catch {
    // Cut off: what came before is quoted.
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** No answer in words, and what caused that. */
function noAnswer(
  error: NodeJS.ErrnoException,
  { aborted }: AbortSignal,
  { secrets }: HttpTarget,
): [problem: string, cause?: unknown] {
  const message = quote(error.message, secrets, 300);
  if (aborted) return [`was given up: ${message}`, error];
  // A parser's error carries the bytes it did not like.
  const cause = "rawPacket" in error ? undefined : error;
  return [`failed: ${message}${advice(error.code ?? "")}`, cause];
}

/** By its shape: an error of Node itself is no Error to code that runs in another realm. */
function asErrno(thrown: unknown): NodeJS.ErrnoException {
  const isError = typeof thrown === "object" && thrown !== null && "message" in thrown;
  return isError ? (thrown as NodeJS.ErrnoException) : asError(thrown);
}

function advice(code: string): string {
  if (code === "ECONNREFUSED") return "; is it running there?";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "; check the host name in the URL";
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|LEAF_SIGNATURE/.test(code)) {
    return "; check the certificate, or give its authority as ca";
  }
  if (/^EPROTO$|SSL|TLS/.test(code)) return "; does it speak TLS 1.2 or later there?";
  if (code.startsWith("HPE_")) return "; does it speak HTTP there?";
  return "";
}
