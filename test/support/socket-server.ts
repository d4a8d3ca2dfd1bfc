import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";

export type SocketServer = {
  readonly url: URL;
  /** Connections so far. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
};

/** A server below HTTP, which writes the bytes of its answers itself, on a free loopback port. */
export async function serveSockets(
  connected: (socket: Socket) => void,
  certificate?: "good" | "expired" | "wrong-host" | "self-signed",
): Promise<SocketServer> {
  const open = new Set<Socket>();
  let connections = 0;
  const accept = (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // The other side hangs up on it: that is the point.
    socket.on("error", () => {});
    connected(socket);
  };
  const server =
    certificate === undefined
      ? createServer(accept)
      : createTlsServer(
          { key: pem(`${certificate}.key`), cert: pem(`${certificate}.pem`) },
          accept,
        );
  // Of TCP: a client that refuses the certificate never gets further.
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`),
    connections: () => connections,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** A file of `test/support/tls`. */
export function pem(name: string): string {
  return readFileSync(fileURLToPath(new URL(`tls/${name}`, import.meta.url)), "utf8");
}
