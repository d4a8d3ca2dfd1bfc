import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../clock.ts";
import { InvalidOptionError, messageOf } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { errorAnswer, send } from "./answer.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import { createHandler, type Handler } from "./handler.ts";
import { loadStore, saveStore } from "./persistence.ts";
import { emptyStore } from "./store.ts";

export type PushgatewayServerOptions = {
  /** Address to listen on. Default 127.0.0.1: nothing here asks who is pushing. */
  readonly host?: string;
  /** Default 0: any free port; `url` says which. */
  readonly port?: number;
  /** Gives the push times. Default the system's clock. */
  readonly clock?: Clock;
  /**
   * File that keeps the data over a restart, loaded at the start, saved at the close and on an
   * interval. Default none: a gateway that comes back with old data makes counters fall, which
   * Prometheus takes for a reset. It is here to show just that.
   */
  readonly persistenceFile?: string;
  /** Interval between two saves, when something changed. Milliseconds, default 5 minutes. */
  readonly persistenceIntervalMs?: number;
  /** Largest body, inflated. Bytes, default 64 MiB. A larger one is answered with 413. */
  readonly maxBodyBytes?: number;
};

export type PushgatewayServer = {
  /** Base URL, without a trailing path: `http://127.0.0.1:PORT/`. */
  readonly url: URL;
  /**
   * Stops at once, kept-alive connections included, and saves the data if there is a file for it.
   * May be called again.
   */
  close(): Promise<void>;
};

const OPTIONS = [
  "host",
  "port",
  "clock",
  "persistenceFile",
  "persistenceIntervalMs",
  "maxBodyBytes",
] as const satisfies readonly (keyof PushgatewayServerOptions)[];

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const PERSISTENCE_INTERVAL_MS = 5 * 60 * 1000;

/** Longest request line and headers. Bytes; Go's default, since a grouping key is in the path. */
const MAX_HEADER_BYTES = 1024 * 1024;

/**
 * Starts a Pushgateway in this process, for development and tests. It behaves as the real one does
 * (`refusals.ts` lists where it does not).
 *
 * @throws {InvalidOptionError} for an option that is unknown, malformed or cannot be listened on.
 * @throws {InvalidInputError} for a persistence file that cannot be read.
 */
export async function startPushgateway(
  options: PushgatewayServerOptions = {},
): Promise<PushgatewayServer> {
  refuseUnknownKeys(options, OPTIONS, "startPushgateway");
  const { host = "127.0.0.1", port = 0, clock = systemClock, persistenceFile } = options;
  checkAddress(host, port);
  const maxBodyBytes = positiveInteger("maxBodyBytes", options.maxBodyBytes ?? MAX_BODY_BYTES);
  const intervalMs = positiveInteger(
    "persistenceIntervalMs",
    options.persistenceIntervalMs ?? PERSISTENCE_INTERVAL_MS,
  );

  const initial = persistenceFile === undefined ? emptyStore : await loadStore(persistenceFile);
  const flags = { "persistence.file": persistenceFile ?? "" };
  const handler = createHandler(initial, { clock, maxBodyBytes, flags });
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    void respond(handler, request, response);
  });
  server.on("clientError", answerBrokenRequest);
  // The real gateway never hangs up on an idle client; a client of ours should not meet a race here.
  server.keepAliveTimeout = 0;

  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const where = `${host}:${port}`;
      reject(
        new InvalidOptionError(`startPushgateway: cannot listen on ${where}: ${messageOf(cause)}`, {
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  const save =
    persistenceFile === undefined ? undefined : keepSaved(persistenceFile, intervalMs, handler);

  const { address, family, port: boundPort } = server.address() as AddressInfo;
  const authority = family === "IPv6" ? `[${address}]` : address;
  let closed: Promise<void> | undefined;

  async function stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await ended;
    await save?.stop();
  }

  return {
    url: new URL(`http://${authority}:${boundPort}/`),
    close: () => {
      closed ??= stop();
      return closed;
    },
  };
}

async function respond(handler: Handler, request: IncomingMessage, response: ServerResponse) {
  try {
    send(response, await handler.answer(request));
  } catch (error) {
    // The client is gone, or this is a bug of ours: then the client is told.
    if (!request.destroyed || request.complete) send(response, errorAnswer(500, messageOf(error)));
  }
}

/** Saves on an interval and at the end, each time only if something changed. */
function keepSaved(file: string, intervalMs: number, handler: Handler) {
  let saved = handler.store();
  let failure: unknown;
  let saving = Promise.resolve();

  function save(): Promise<void> {
    saving = saving.then(async () => {
      const store = handler.store();
      if (store === saved) return;
      try {
        await saveStore(file, store);
        saved = store;
        failure = undefined;
      } catch (error) {
        failure = error;
      }
    });
    return saving;
  }
  const timer = setInterval(() => void save(), intervalMs).unref();

  return {
    /** @throws what the last attempt to save failed with: nothing else would tell. */
    async stop(): Promise<void> {
      clearInterval(timer);
      await save();
      if (failure !== undefined) throw failure;
    },
  };
}

function checkAddress(host: unknown, port: number): void {
  if (typeof host !== "string") {
    throw new InvalidOptionError(`startPushgateway: host must be a string, not ${String(host)}`);
  }
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidOptionError(
      `startPushgateway: port must be a whole number from 0 to 65535, not ${String(port)}`,
    );
  }
}

function positiveInteger(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidOptionError(
    `startPushgateway: ${name} must be a positive whole number, not ${String(value)}`,
  );
}
