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

/** Waits for Ctrl-C or a stop by whoever started us. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
