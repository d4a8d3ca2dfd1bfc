import { connect, type Socket } from "node:net";
import type { RealPostgres } from "../support/postgres.ts";
import { serveSockets } from "../support/socket-server.ts";
import { readPostgres, variant } from "./postgres-reading.ts";

/**
 * Reads through a proxy that cuts both sides once so many bytes of the server went through.
 *
 * @returns also how many bytes the server sent, and what the client did.
 */
export async function readThroughProxy(
  { port, url }: RealPostgres,
  limit: number,
  cut: (socket: Socket) => void,
  { parameters = "", ca }: { readonly parameters?: string; readonly ca?: string } = {},
) {
  let bytes = 0;
  const sent: Buffer[] = [];
  const proxy = await serveSockets((socket) => {
    const upstream = connect(port, "127.0.0.1").on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      sent.push(chunk);
      upstream.write(chunk);
    });
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
    upstream.on("data", (chunk: Buffer) => {
      const passed = chunk.subarray(0, Math.max(0, limit - bytes));
      bytes += chunk.length;
      socket.write(passed, () => {
        if (bytes > limit) cut(socket);
      });
    });
  });
  const connectionString = variant(url, { parameters }).replace(`:${port}/`, `:${proxy.url.port}/`);
  const reading = await readPostgres({ connectionString, ...(ca === undefined ? {} : { ca }) });
  await proxy.close();
  return { reading, bytes, sent: Buffer.concat(sent) };
}
