import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Takes bytes there and back, and knows of connections what its upstream keeps to itself. */
export type Relay = {
  readonly url: URL;
  /** Connections that were ever accepted. */
  readonly connections: () => number;
  /** Closes those that are open, in good order, as a server does with idle ones. */
  readonly hangUp: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startRelay(upstream: URL): Promise<Relay> {
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    open.add(socket);
    const onward = connect(Number(upstream.port), upstream.hostname);
    socket.pipe(onward).pipe(socket);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on("error", () => other.destroy());
    }
    socket.on("close", () => {
      open.delete(socket);
      onward.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: new URL(`http://127.0.0.1:${port}`),
    connections: () => accepted,
    async hangUp() {
      for (const socket of open) socket.destroy();
      while (open.size > 0) await new Promise(setImmediate);
    },
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
}
