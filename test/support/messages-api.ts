import { EventEmitter, once } from "node:events";
import { serve } from "./http-server.ts";
import {
  type Answer,
  type ApiRequest,
  type Ending,
  type Exchange,
  sendAnswer,
} from "./messages-api-send.ts";

export type Answering = (request: ApiRequest) => Answer | Promise<Answer>;

export type MessagesApi = {
  /** For the `baseURL` of a client: no slash at its end. */
  readonly url: string;
  /** In order of arrival, unknown paths included. */
  readonly requests: readonly ApiRequest[];
  /** The request with this index, as soon as it is there. */
  readonly arrival: (index: number) => Promise<ApiRequest>;
  /** Queues answers. They are dealt out in order of arrival, each to one request of a known path. */
  readonly script: (...answers: readonly (Answer | Answering)[]) => void;
  /** Answers that nobody has asked for yet. */
  readonly left: () => number;
  /** Cuts open connections. */
  readonly close: () => Promise<void>;
};

export type MessagesApiOptions = {
  /** Answers when the script is at its end. Default: an error 500 that says so and is not retried. */
  readonly answer?: Answering;
};

/** A promise and what resolves it, e.g. for the `pause` of a stream. */
export type Gate = { readonly opened: Promise<void>; readonly open: () => void };

/** The answers of a path, apart from those of any path. */
const PATHS = [
  { request: /^POST \/v1\/messages$/, answers: ["message", "stream"] },
  { request: /^POST \/v1\/messages\/count_tokens$/, answers: ["token-count"] },
  { request: /^GET \/v1\/messages\/batches\/[^/]+$/, answers: ["batch"] },
  { request: /^GET \/v1\/messages\/batches\/[^/]+\/results$/, answers: ["batch-results"] },
] as const;

/** A real HTTP server on a free loopback port that speaks Anthropic's Messages API from a script. */
export async function startMessagesApi(options: MessagesApiOptions = {}): Promise<MessagesApi> {
  const { answer: fallback = unscripted } = options;
  const requests: ApiRequest[] = [];
  const script: (Answer | Answering)[] = [];
  const open = new Set<Exchange>();
  const arrivals = new EventEmitter().setMaxListeners(0);

  const server = await serve((incoming, response, bytes) => {
    const index = requests.length;
    const { method = "", url: path = "", headers } = incoming;
    const id = `req_${String(index).padStart(24, "0")}`;
    let isOver = false;
    let settle: Exchange["settle"] = () => {};
    const ended = new Promise<Ending>((resolve) => {
      settle = (ending) => {
        isOver = true;
        resolve(ending);
      };
    });
    const request = { index, method, path, headers, body: jsonOf(bytes), id, ended };
    const exchange = { request, response, settle, isOver: () => isOver };
    open.add(exchange);
    // The other side hangs up on it: that is the point of some tests.
    response.on("error", () => {});
    response.on("close", () => {
      open.delete(exchange);
      settle(response.writableFinished ? "complete" : "client-left");
    });
    requests.push(request);
    arrivals.emit("request");

    response.setHeader("request-id", id);
    const route = PATHS.find((one) => one.request.test(`${method} ${path.replace(/\?.*/, "")}`));
    const scripted = route && (script.shift() ?? fallback);
    answerRequest(exchange, route?.answers, scripted).catch((error) =>
      sendAnswer(exchange, mistake(String(error))),
    );
  });

  return {
    url: server.url.origin,
    requests,
    async arrival(index) {
      for (;;) {
        const request = requests[index];
        if (request !== undefined) return request;
        await once(arrivals, "request");
      }
    },
    script: (...answers) => {
      script.push(...answers);
    },
    left: () => script.length,
    close() {
      for (const { settle } of open) settle("closed");
      return server.close();
    },
  };
}

export function createGate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

async function answerRequest(
  exchange: Exchange,
  fitting: readonly Answer["type"][] | undefined,
  scripted: Answer | Answering | undefined,
): Promise<void> {
  const { request } = exchange;
  if (fitting === undefined || scripted === undefined) {
    return sendAnswer(exchange, { type: "error", status: 404, message: "Not found" });
  }
  const answer = typeof scripted === "function" ? await scripted(request) : scripted;
  return sendAnswer(
    exchange,
    fits(answer.type, fitting, request) ? answer : misfit(answer, request),
  );
}

/** The real API never streams to who did not ask for it, nor the other way round. */
function fits(
  type: Answer["type"],
  fitting: readonly Answer["type"][],
  { body }: ApiRequest,
): boolean {
  if (type === "error" || type === "hang" || type === "nonsense") return true;
  if (!fitting.includes(type)) return false;
  return fitting.includes("stream") ? (type === "stream") === (body?.["stream"] === true) : true;
}

/** Of what the SDK sends; what is no JSON is as good as nothing. */
function jsonOf(bytes: Buffer): ApiRequest["body"] {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function misfit({ type }: Answer, { method, path, body }: ApiRequest): Answer {
  return mistake(`${type} is no answer to ${method} ${path}, stream ${body?.["stream"] ?? false}`);
}

function unscripted({ method, path }: ApiRequest): Answer {
  return mistake(`no answer left for ${method} ${path}`);
}

/** The test's own, so the client must not try again. */
function mistake(message: string): Answer {
  return { type: "error", status: 500, message, headers: { "x-should-retry": "false" } };
}
