import { startPushgateway } from "../pushgateway/server.ts";
import type { Io } from "./io.ts";
import { listenUntilStopped } from "./listen.ts";

/** Runs the embedded Pushgateway until it is stopped. */
export function gateway({ listen }: { readonly listen: string }, io: Io): Promise<void> {
  return listenUntilStopped(listen, startPushgateway, ({ url }) =>
    io.err(
      `closing-bell: Pushgateway for development and tests at ${url.origin}; it keeps nothing\n`,
    ),
  );
}
