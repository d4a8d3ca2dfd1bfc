import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ExpositionError, messageOf } from "../errors.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
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
  if (!request.complete) throw new RequestProblem(refusal("body-cut-off").what);
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

/**
 * The families of a body in text format.
 *
 * @throws {RequestProblem} 400 with the parser's message.
 */
export function familiesOf(body: Buffer): MetricFamily[] {
  try {
    const families = parseExposition(body.toString());
    if (!isUtf8(body)) refuseBadBytes(body);
    return families;
  } catch (error) {
    if (error instanceof ExpositionError) throw new RequestProblem(error.message, { cause: error });
    throw error;
  }
}

/**
 * Bytes that are not UTF-8 are parsed as replacement characters, which a label value and a help
 * text may hold. In a plain comment they do no harm.
 */
function refuseBadBytes(body: Buffer): void {
  let number = 0;
  for (let start = 0; start < body.length; ) {
    const end = body.indexOf(0x0a, start);
    const line = body.subarray(start, end === -1 ? body.length : end);
    start += line.length + 1;
    number++;
    if (isUtf8(line)) continue;
    const text = line.toString();
    const isHelp = /^[ \t]*#[ \t]*HELP[ \t]/.test(text);
    if (isHelp) throw new ExpositionError(number, refusal("help-not-utf8").what);
    if (!/^[ \t]*#/.test(text)) {
      throw new ExpositionError(number, `invalid label value in ${JSON.stringify(text)}`);
    }
  }
}
