import { startPushgateway } from "../pushgateway/server.ts";
import type { Io } from "./io.ts";
import { parseListen, untilStopped } from "./listen.ts";

/** Runs the embedded Pushgateway until it is stopped. */
export async function gateway({ listen }: { readonly listen: string }, io: Io): Promise<void> {
  const server = await startPushgateway(parseListen(listen));
  io.err(
    `closing-bell: Pushgateway for development and tests at ${server.url.origin}; it keeps nothing\n`,
  );
  await untilStopped();
  await server.close();
}
