import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type Anthropic from "@anthropic-ai/sdk";
import {
  type BatchResult,
  batchResultJson,
  errorJson,
  eventCount,
  type MessageFields,
  messageJson,
  type StreamEvent,
  type StreamFields,
  streamEvents,
} from "./messages-api-answers.ts";

/** What one request gets. Headers are added to those that its type has. */
export type Answer = { readonly headers?: Readonly<Record<string, string>> } & (
  | ({ readonly type: "message" } & MessageFields)
  | ({ readonly type: "stream" } & StreamFields)
  /** Of `count_tokens`. */
  | { readonly type: "token-count"; readonly inputTokens: number }
  | ({ readonly type: "batch" } & BatchFields)
  /** Of a `results_url`: JSON lines in this order. */
  | { readonly type: "batch-results"; readonly results: readonly BatchResult[] }
  /** Of any request. The SDK waits `retry-after-ms`, else `retry-after`, else half a second and more. */
  | {
      readonly type: "error";
      readonly status: number;
      /** Default: the documented one of the status. */
      readonly error?: string;
      readonly message?: string;
      readonly details?: Readonly<Record<string, unknown>>;
    }
  /** Of any request: no byte until the client leaves or the server closes. */
  | { readonly type: "hang" }
  /** Of any request: a 200 whose body ends inside the JSON of a message, or of a stream's first event. */
  | { readonly type: "nonsense" }
);

/** Of a batch, whose id is the one in the path. */
export type BatchFields = {
  /** Default `ended`, and only then there is a `results_url`, on this server. */
  readonly status?: "in_progress" | "canceling" | "ended";
  /** How many requests are in which state. Default: none in any. */
  readonly counts?: Partial<Anthropic.Messages.MessageBatchRequestCounts>;
};

/** How an exchange was over. `cut` and `closed` are the server's doing. */
export type Ending = "complete" | "client-left" | "cut" | "closed";

/** A request whose body arrived whole. */
export type ApiRequest = {
  /** 0 for the first one of the server. */
  readonly index: number;
  readonly method: string;
  /** As sent: not decoded, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The JSON, absent when there was none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Of the `request-id` header of its answer. */
  readonly id: string;
  /** Settles when the exchange is over; never rejects. */
  readonly ended: Promise<Ending>;
};

/** A request on its way to its answer. */
export type Exchange = {
  readonly request: ApiRequest;
  readonly response: ServerResponse;
  /** Gives it its ending, unless it has one. */
  readonly settle: (ending: Ending) => void;
  /** It has an ending: nothing is to be sent any more. */
  readonly isOver: () => boolean;
};

/** Source: https://docs.claude.com/en/api/errors, and 402, 409 and 504 as in `ErrorType` of the SDK. */
const ERROR_OF_STATUS = new Map([
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
]);

/** Sends an answer that fits the request. Throws, before its first byte, when it cannot be sent as scripted. */
export async function sendAnswer(exchange: Exchange, answer: Answer): Promise<void> {
  const { request, response, isOver } = exchange;
  // It may have taken the test a while to say what to answer.
  if (isOver()) return;
  const { headers = {} } = answer;
  const defaults = {
    id: `msg_${String(request.index).padStart(24, "0")}`,
    model: String(request.body?.["model"] ?? "claude-haiku-4-5-20251001"),
  };
  const sendJson = (status: number, json: unknown) =>
    send(
      response,
      status,
      { "content-type": "application/json", ...headers },
      JSON.stringify(json),
    );

  switch (answer.type) {
    case "message":
      return sendJson(200, messageJson(answer, defaults));
    case "stream":
      return sendStream(exchange, answer, streamEvents(answer, defaults));
    case "token-count":
      return sendJson(200, { input_tokens: answer.inputTokens });
    case "batch":
      return sendJson(200, batchJson(request, answer));
    case "batch-results": {
      const lines = answer.results.map((result, index) =>
        JSON.stringify(batchResultJson(result, { ...defaults, id: `${defaults.id}_${index}` })),
      );
      const type = { "content-type": "application/binary", ...headers };
      return send(response, 200, type, lines.map((line) => `${line}\n`).join(""));
    }
    case "error": {
      const { status, message = "Scripted.", details } = answer;
      const known =
        ERROR_OF_STATUS.get(status) ?? (status < 500 ? "invalid_request_error" : "api_error");
      return sendJson(status, errorJson(answer.error ?? known, message, request.id, details));
    }
    case "hang":
      return;
    case "nonsense": {
      const json = JSON.stringify(messageJson({}, defaults)).slice(0, 60);
      const isStream = request.body?.["stream"] === true;
      const type = isStream ? "text/event-stream; charset=utf-8" : "application/json";
      const text = isStream ? `event: message_start\ndata: ${json}\n\n` : json;
      return send(response, 200, { "content-type": type, ...headers }, text);
    }
    default:
      answer satisfies never;
  }
}

async function sendStream(
  { request, response, settle, isOver }: Exchange,
  { headers, pause, end }: StreamFields & Pick<Answer, "headers">,
  all: readonly StreamEvent[],
): Promise<void> {
  const events = end === undefined ? [...all] : all.slice(0, eventCount(all, end.after));
  if (end?.type === "error") {
    events.push(errorJson(end.error ?? "overloaded_error", "Overloaded", request.id));
  }
  const pauseAt = pause && eventCount(events, pause.after);
  const pauseHere = () => Promise.race([pause?.until, request.ended]).catch(() => {});

  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers });
  response.flushHeaders();
  for (const [index, event] of events.entries()) {
    if (index === pauseAt) await pauseHere();
    if (isOver()) return;
    const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
    await Promise.race([write(response, text), request.ended]);
  }
  if (pauseAt === events.length) await pauseHere();
  if (isOver()) return;
  if (end?.type === "cut") {
    settle("cut");
    response.destroy();
  } else {
    response.end();
  }
}

function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  response.writeHead(status, headers).end(body);
}

/** Resolves when the operating system has it, so that a cut comes after it. */
function write(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => response.write(text, () => resolve()));
}

function batchJson(request: ApiRequest, { status = "ended", counts }: BatchFields) {
  const path = request.path.replace(/\?.*/, "");
  const hasEnded = status === "ended";
  return {
    id: path.slice(path.lastIndexOf("/") + 1),
    type: "message_batch",
    processing_status: status,
    request_counts: { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0, ...counts },
    created_at: "2026-01-01T00:00:00Z",
    expires_at: "2026-01-02T00:00:00Z",
    ended_at: hasEnded ? "2026-01-01T00:10:00Z" : null,
    cancel_initiated_at: status === "canceling" ? "2026-01-01T00:05:00Z" : null,
    archived_at: null,
    results_url: hasEnded ? `http://${request.headers.host}${path}/results` : null,
  };
}
