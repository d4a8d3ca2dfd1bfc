import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export type RecordedRequest = {
  readonly method: string;
  /** As sent: not decoded, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** Called once the body has arrived whole. Answers by hand, or does not answer. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
) => void;

export type TestServer = {
  readonly url: URL;
  /** Every request whose body arrived whole, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Cuts open connections. */
  readonly close: () => Promise<void>;
};

/** A real HTTP server on a free loopback port. */
export async function serve(handler: RequestHandler): Promise<TestServer> {
  const requests: RecordedRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { method = "", url = "", headers } = request;
      requests.push({ method, path: url, headers, body });
      handler(request, response, body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
