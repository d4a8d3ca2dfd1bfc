import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { refusal } from "./refusals.ts";

/** What Node's parser calls a request that ended before it was whole. */
const CUT_OFF = "HPE_INVALID_EOF_STATE";

/**
 * Answers a request that never became one, because what came over the connection is no HTTP, is
 * too large or ended too early. The connection ends with it.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, connection: Duplex): void {
  if (error.code === "ECONNRESET" || !connection.writable) {
    connection.destroy();
    return;
  }
  const [status, text] = answerTo(error);
  const body = `${text}\n`;
  connection.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "connection: close",
      "content-type: text/plain; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
}

function answerTo({ code, message }: NodeJS.ErrnoException): readonly [number, string] {
  switch (code) {
    case CUT_OFF:
      return [400, refusal("body-cut-off").what];
    case "HPE_HEADER_OVERFLOW":
      return [431, "the request line and the headers are too large"];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "the request took too long to arrive"];
    default:
      return [400, `400 Bad Request: ${message}`];
  }
}
