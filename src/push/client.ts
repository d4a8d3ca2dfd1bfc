import { setTimeout as delay } from "node:timers/promises";
import { type Clock, systemClock } from "../clock.ts";
import { InvalidOptionError, messageOf, PushError } from "../errors.ts";
import { type Credentials, parseGatewayUrl } from "../gateway-url.ts";
import { formatGroupingKey, type GroupingKey, groupPath } from "../grouping-key.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { CONTENT_TYPE } from "../metrics/exposition/render.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import { refuseUnknownKeys } from "../options.ts";
import { VERSION } from "../version.ts";
import type { Exposition } from "./body.ts";
import {
  type Answer,
  createExchange,
  type Exchange,
  ExchangeFailure,
  type Lookup,
} from "./exchange.ts";
import { type AttemptResult, errorOf, isSuccess } from "./judge.ts";
import { authorization } from "./redact.ts";

export type PushClientOptions = {
  /** Base URL, without `/metrics/job/...`. User-info in it is sent as basic auth. */
  readonly url: string | URL;
  /** Instead of user-info in the URL. */
  readonly credentials?: Credentials;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
  /** Deadline of one call, all attempts, from connect to the last byte. Milliseconds, default 5000. */
  readonly timeoutMs?: number;
  /** Finds the gateway's addresses. Default the system's lookup, which no deadline can end. */
  readonly lookup?: Lookup;
  readonly clock?: Clock;
};

export type CallOptions = {
  /** Ends the call early. The gateway may have applied it all the same. */
  readonly signal?: AbortSignal;
  /**
   * Attempts in all, 2 by default. 1 for who must know that nothing is outstanding after an answer: a
   * gateway may apply the first attempt after it has confirmed the second.
   */
  readonly attempts?: 1 | 2;
};

/** What the gateway confirmed. */
export type PushReceipt = {
  /**
   * `accepted`: 200, the gateway checked and stored it. `unchecked`: 202, it runs without its
   * consistency check and only queued it. A delete is always queued.
   */
  readonly status: "accepted" | "unchecked";
  readonly attempts: number;
  readonly bytes: number;
  readonly seconds: number;
};

export type PushClient = {
  /** The gateway's base URL without credentials: safe to print. */
  readonly gateway: string;
  /** PUT: replaces every metric family of the group. */
  push(key: GroupingKey, body: Exposition, options?: CallOptions): Promise<PushReceipt>;
  /** POST: replaces the families that `body` names and keeps the others. */
  pushAdd(key: GroupingKey, body: Exposition, options?: CallOptions): Promise<PushReceipt>;
  /** DELETE: forgets the group. Succeeds when there was none. */
  delete(key: GroupingKey, options?: CallOptions): Promise<PushReceipt>;
  /** The text of a GET below the base URL; `groups.ts` makes sense of it. */
  get(path: string, options?: CallOptions): Promise<string>;
  /** What this client did: `closing_bell_push_*`. */
  readonly metrics: MetricSet;
  /** Ends idle connections. */
  close(): void;
};

const DEFAULT_TIMEOUT_MS = 5000;
const MAX_ATTEMPTS = 2;

/** Answers to pushes are empty or a sentence; more than this is not a gateway's. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Answers in a few words whether the gateway does. */
export const READY_PATH = "/-/ready";

/** A scrape of a gateway at its limits (some thousand series) is a few MB. */
const MAX_SCRAPE_BYTES = 64 * 1024 * 1024;

/** Below it compression costs more than it saves, loading zlib included. */
const GZIP_ABOVE_BYTES = 16 * 1024;

/** Longest pause before the second attempt; full jitter, so that many jobs do not return at once. */
const MAX_BACKOFF_MS = 250;

/**
 * A client of one Pushgateway. Every call settles within its deadline, retries at most once and only
 * what is safe to repeat (all calls replace, none adds), and never takes anything but 200 or 202 for
 * success: a redirect, a login page or half an answer is an error. (The file is over 250 lines because
 * types and limits stand beside the call that they are about.)
 *
 * Calls reject with {@link PushError}; its `retryable` says whether trying later can help.
 *
 * @throws {InvalidOptionError} for unknown options, a bad URL or a timeout that is no duration.
 */
export function createPushClient(options: PushClientOptions): PushClient {
  refuseUnknownKeys(
    options,
    ["url", "credentials", "ca", "timeoutMs", "lookup", "clock"],
    "createPushClient",
  );
  const { timeoutMs = DEFAULT_TIMEOUT_MS, clock = systemClock } = options;
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new InvalidOptionError(
      `createPushClient: timeoutMs must be a positive number of milliseconds, got ${timeoutMs}`,
    );
  }
  const address = parseGatewayUrl(options.url);
  const credentials = options.credentials ?? address.credentials;
  const { base } = address;
  const metrics = createMetricSet();
  let exchange: Exchange | undefined;

  async function call(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    target: string,
    body: Buffer | undefined,
    { signal, attempts = MAX_ATTEMPTS }: CallOptions,
  ): Promise<{ answer: Answer; attempts: number; bytes: number; seconds: number }> {
    const started = clock.monotonic();
    exchange ??= createExchange(base.startsWith("https:") ? "https:" : "http:", options);
    const deadline = new AbortController();
    // Not AbortSignal.timeout: that timer lets the process end while the push is under way.
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const ended = AbortSignal.any(signal ? [deadline.signal, signal] : [deadline.signal]);
    const what = `${method} ${target} at ${base}`;
    const isReadWhole = method === "GET" && path !== READY_PATH;
    try {
      const { bytes, headers } = encode(body);
      const fullHeaders = {
        ...headers,
        "User-Agent": `closing-bell/${VERSION}`,
        ...(credentials === undefined ? {} : { Authorization: authorization(credentials) }),
      };
      let wasSent = false;
      for (let attempt = 1; ; attempt++) {
        if (method !== "GET") {
          metrics.get(runCatalogue.pushAttemptsTotal).inc();
          metrics.get(runCatalogue.pushSentBytesTotal).inc(bytes?.length ?? 0);
        }
        const result = await attemptOnce(exchange, {
          method,
          url: `${base}${path}`,
          headers: fullHeaders,
          ...(bytes === undefined ? {} : { body: bytes }),
          signal: ended,
          maxAnswerBytes: isReadWhole ? MAX_SCRAPE_BYTES : MAX_ANSWER_BYTES,
        });
        wasSent ||= !("failure" in result && result.failure.neverSent);
        const seconds = clock.monotonic() - started;
        if ("answer" in result && isSuccess(method, result.answer)) {
          return { ...result, attempts: attempt, bytes: bytes?.length ?? 0, seconds };
        }
        if (ended.aborted) {
          const why = deadline.signal.aborted
            ? `no whole answer within ${timeoutMs} ms`
            : `ended by the caller before an answer came: ${messageOf(signal?.reason)}`;
          const facts = { retryable: true, notSent: !wasSent, cause: signal?.reason };
          throw new PushError(`${what}: ${why}`, facts);
        }
        const error = errorOf(what, result, { credentials, notSent: !wasSent });
        const pauseMs = attempt < attempts ? pauseBefore(error, result, clock) : undefined;
        const leftMs = timeoutMs - seconds * 1000;
        if (pauseMs === undefined || pauseMs >= leftMs) throw error;
        await delay(pauseMs, undefined, { signal: ended }).catch(() => {
          throw error;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function change(
    method: "PUT" | "POST" | "DELETE",
    key: GroupingKey,
    body: Exposition | undefined,
    callOptions: CallOptions = {},
  ): Promise<PushReceipt> {
    const target = formatGroupingKey(key);
    const started = clock.monotonic();
    const counted = metrics.get(runCatalogue.pushesTotal);
    const result = await call(method, groupPath(key), target, body?.bytes, callOptions)
      .then(
        (confirmed) => {
          counted.inc({ result: "confirmed" });
          return confirmed;
        },
        (error: unknown) => {
          counted.inc({ result: "failed" });
          throw error;
        },
      )
      .finally(() => {
        metrics.get(runCatalogue.pushDurationSeconds).observe(clock.monotonic() - started);
      });
    const { answer, attempts, bytes, seconds } = result;
    const queued = answer.status === 202 && method !== "DELETE";
    return { status: queued ? "unchecked" : "accepted", attempts, bytes, seconds };
  }

  return {
    gateway: base,
    metrics,
    push: (key, body, callOptions) => change("PUT", key, body, callOptions),
    pushAdd: (key, body, callOptions) => change("POST", key, body, callOptions),
    delete: (key, callOptions) => change("DELETE", key, undefined, callOptions),
    async get(path, callOptions = {}) {
      const { answer } = await call("GET", path, path, undefined, callOptions);
      return answer.body.toString("utf8");
    },
    close: () => exchange?.close(),
  };
}

async function attemptOnce(
  exchange: Exchange,
  request: Parameters<Exchange["request"]>[0],
): Promise<AttemptResult> {
  try {
    return { answer: await exchange.request(request) };
  } catch (error) {
    if (error instanceof ExchangeFailure) return { failure: error };
    throw error;
  }
}

function encode(body: Buffer | undefined): { bytes?: Buffer; headers: Record<string, string> } {
  if (body === undefined) return { headers: {} };
  const headers = { "Content-Type": CONTENT_TYPE };
  if (body.length <= GZIP_ABOVE_BYTES) return { bytes: body, headers };
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  // Level 1: nearly the size of level 6 for exposition text, in a fifth of the time.
  return {
    bytes: gzipSync(body, { level: 1 }),
    headers: { ...headers, "Content-Encoding": "gzip" },
  };
}

/** Milliseconds to wait before the next attempt, or undefined when there shall be none. */
function pauseBefore(error: PushError, result: AttemptResult, clock: Clock): number | undefined {
  if (!error.retryable) return undefined;
  if ("failure" in result && result.failure.onReusedConnection) return 0;
  if ("answer" in result) {
    // RFC 9110, 10.2.3: seconds, or the date from which on it may be tried.
    const after = result.answer.headers["retry-after"] || "not said";
    const number = Number(after);
    const seconds = Number.isNaN(number) ? Date.parse(after) / 1000 - clock.now() : number;
    if (seconds >= 0) return seconds * 1000;
  }
  return Math.random() * MAX_BACKOFF_MS;
}
