import { UsageError } from "./io.ts";

/** `HOST:PORT`, e.g. `127.0.0.1:9091` or `[::1]:0`. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === "" || port > 65_535) {
    throw new UsageError(`--listen ${text}: expected HOST:PORT, e.g. 127.0.0.1:9091`);
  }
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
}

type Listener = { close(): Promise<void> };

/**
 * Starts a server where `--listen` says, announces it, and stops it on Ctrl-C or when whoever
 * started us ends us.
 */
export async function listenUntilStopped<Server extends Listener>(
  listen: string,
  start: (at: { readonly host: string; readonly port: number }) => Promise<Server>,
  announce: (server: Server) => void,
): Promise<void> {
  const at = parseListen(listen);
  let server: Server;
  try {
    server = await start(at);
  } catch (error) {
    throw explain(listen, error);
  }
  // Before it is announced: whoever reads the line may stop us at once.
  const stopped = stopSignal();
  announce(server);
  await stopped;
  await server.close();
}

/** The system's own words, from below those of whichever server passed them on. */
function explain(listen: string, error: unknown): unknown {
  const system = (error instanceof Error && error.cause) || error;
  if (!(system instanceof Error && "syscall" in system)) return error;
  return new UsageError(`--listen ${listen}: ${system.message}`, { cause: error });
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
