import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** An answer as a value: what the handlers give and the server sends. */
export type Answer = {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
};

/** An error as text for people, with the headers that Go's `http.Error` sets. */
export function errorAnswer(
  status: number,
  message: string,
  headers?: OutgoingHttpHeaders,
): Answer {
  return {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...headers,
    },
    body: `${message}\n`,
  };
}

export function textAnswer(text: string): Answer {
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body: text };
}

export function send(response: ServerResponse, { status, headers = {}, body = "" }: Answer): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
