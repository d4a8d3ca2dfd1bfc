import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ExpositionError, messageOf } from "../errors.ts";
import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import { parseExposition } from "../metrics/exposition/parse.ts";
import { refusal } from "./refusals.ts";

/** A request that cannot be answered with success, and the answer to it. */
export class RequestProblem extends Error {
  readonly status: number;

  constructor(message: string, { status = 400, cause }: { status?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.status = status;
  }
}

const inflate = promisify(gunzip);

/** First bytes of a gzip stream: magic number and the one compression method there is. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 0x08]);
const GZIP_HEADER_BYTES = 10;

/**
 * Reads a body whole, inflated if it came as gzip.
 *
 * @throws {RequestProblem} 413 above `maxBytes`, before or after inflating; 400 for bad gzip.
 * Rejects otherwise when the connection ends before the body does, with nobody left to answer.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new RequestProblem(`the body is larger than the ${maxBytes} bytes this gateway takes`, {
      status: 413,
    });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    // What is beyond the limit is read and dropped, so that the client comes to read the answer.
    if (length <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (length > maxBytes) throw tooLarge();
  const body = Buffer.concat(chunks);
  if (!isGzip(request)) return body;

  const hasHeader = body.subarray(0, GZIP_HEADER.length).equals(GZIP_HEADER);
  if (body.length === 0)
    throw new RequestProblem("EOF: Content-Encoding is gzip, but there is no body");
  if (body.length < GZIP_HEADER_BYTES || !hasHeader)
    throw new RequestProblem("gzip: invalid header");
  try {
    return await inflate(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw new RequestProblem(`${refusal("body-cut-off").what}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Every request that claims gzip must have it, even a DELETE, whose body is not looked at. */
export function isGzip(request: IncomingMessage): boolean {
  return request.headers["content-encoding"] === "gzip";
}

export type PushedBody = {
  readonly families: readonly MetricFamily[];
  /** Names of the families whose help text is not UTF-8. */
  readonly badHelp: readonly string[];
};

/**
 * The families of a body in text format.
 *
 * @throws {RequestProblem} 400 with the parser's message.
 */
export function parsedBody(body: Buffer): PushedBody {
  try {
    if (isUtf8(body)) return { families: parseExposition(body.toString()), badHelp: [] };
    return parsedBytes(body);
  } catch (error) {
    if (error instanceof ExpositionError) {
      throw new RequestProblem(error.message, { cause: error });
    }
    throw error;
  }
}

/**
 * Parses a body with bytes that are not UTF-8: an error in a label value, no matter in a comment,
 * and harmful in a help text. The parser gets one character per byte, since the syntax is ASCII.
 */
function parsedBytes(body: Buffer): PushedBody {
  const text = body.toString("latin1");
  const badLine = 1 + text.split("\n").findIndex((line) => isBadSample(line));
  const badHelp: string[] = [];
  try {
    const families = parseExposition(text).map((family): MetricFamily => {
      const help = utf8(family.help ?? "");
      if (help === undefined) badHelp.push(family.name);
      const samples = family.samples.map((sample) => ({ ...sample, labels: utf8Labels(sample) }));
      return { ...family, ...(help ? { help } : {}), samples } as MetricFamily;
    });
    if (badLine === 0) return { families, badHelp };
  } catch (error) {
    const isEarlier = error instanceof ExpositionError && badLine > 0 && badLine < error.line;
    if (!isEarlier) throw error;
  }
  throw new ExpositionError(badLine, "a label value is not UTF-8");
}

function isBadSample(line: string): boolean {
  return !/^[ \t]*#/.test(line) && utf8(line) === undefined;
}

function utf8Labels({ labels }: { readonly labels: LabelSet }): LabelSet {
  const entries = Object.entries(labels).map(([name, value]) => [name, utf8(value) ?? ""]);
  return Object.fromEntries(entries);
}

function utf8(bytes: string): string | undefined {
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? buffer.toString() : undefined;
}
