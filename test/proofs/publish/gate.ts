import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";

export type GateRequest = {
  readonly method: string;
  readonly path: string;
  /** Whether its sender is gone. */
  readonly isAbandoned: () => boolean;
};

export type GateOptions = {
  /** A Unix socket to listen on, instead of a free loopback port. */
  readonly socket?: string;
  /** Called when a request has arrived whole; it is passed on when this resolves. */
  readonly before?: (request: GateRequest) => Promise<unknown>;
};

/**
 * An HTTP proxy in front of a gateway that can be told to wait. What has arrived whole is passed on,
 * even when its sender is gone by then.
 */
export type Gate = {
  readonly url: URL;
  /** In order of arrival. */
  readonly requests: readonly GateRequest[];
  /** PUTs that are inside, from the arrival of the first byte to the gateway's answer. */
  readonly puts: () => number;
  /** The most that were inside at one time. */
  readonly mostPuts: () => number;
  /** PUTs whose sender was gone before they were answered. */
  readonly abandonedPuts: () => number;
  /** Connections and bytes that came in. */
  readonly received: () => { readonly connections: number; readonly bytes: number };
  readonly close: () => Promise<void>;
};

export async function startGate(upstream: URL, options: GateOptions = {}): Promise<Gate> {
  const { socket: path, before = async () => {} } = options;
  const requests: GateRequest[] = [];
  const sockets: Socket[] = [];
  let puts = 0;
  let mostPuts = 0;
  let abandonedPuts = 0;

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = incoming;
    if (method === "PUT") mostPuts = Math.max(mostPuts, ++puts);
    let isAbandoned = false;
    response.on("close", () => {
      isAbandoned = !response.writableFinished;
      if (method === "PUT" && isAbandoned) abandonedPuts++;
    });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
      const request = { method, path: url, isAbandoned: () => isAbandoned };
      requests.push(request);
      await before(request);
      const answer = await passOn(upstream, incoming, Buffer.concat(chunks));
      if (method === "PUT") puts--;
      response.writeHead(answer.status, { "content-length": answer.body.length }).end(answer.body);
    } catch {
      // The sender was killed in its sentence, or the gateway is gone.
      if (method === "PUT") puts--;
      response.destroy();
    }
  }

  const server = createServer((incoming, response) => void serve(incoming, response));
  server.on("connection", (socket) => sockets.push(socket));
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;

  return {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    puts: () => puts,
    mostPuts: () => mostPuts,
    abandonedPuts: () => abandonedPuts,
    received: () => ({
      connections: sockets.length,
      bytes: sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    }),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function passOn(
  upstream: URL,
  { method, url = "", headers }: IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { connection: _, "transfer-encoding": __, ...others } = headers;
    const outgoing = openRequest(new URL(url, upstream), {
      method,
      agent: false,
      headers: { ...others, "content-length": body.length },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
      });
    });
    outgoing.end(body);
  });
}
