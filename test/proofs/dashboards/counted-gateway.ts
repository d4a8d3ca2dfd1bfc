import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../../src/clock.ts";
import { type Answer, send } from "../../../src/pushgateway/answer.ts";
import { createHandler } from "../../../src/pushgateway/handler.ts";
import { emptyStore, type Store } from "../../../src/pushgateway/store.ts";

export type CountedGateway = {
  readonly url: URL;
  /** What Prometheus scrapes, with what the real gateway tells of itself and the embedded one does not. */
  readonly scrape: () => Promise<string>;
  /** What was pushed and deleted, in order. */
  readonly changes: readonly Change[];
  readonly close: () => Promise<void>;
};

/** A push or a deletion: when, and how it was answered. */
export type Change = { readonly at: number; readonly method: string; readonly code: number };

const MAX_BODY_BYTES = 1_000_000;

/** The handlers of the real gateway by method, as its own metric names them. */
const HANDLERS: Readonly<Record<string, string>> = { PUT: "push", POST: "push", DELETE: "delete" };

/** The embedded gateway over HTTP. */
export async function startCountedGateway(clock: Clock): Promise<CountedGateway> {
  const handler = createHandler(emptyStore, { clock, maxBodyBytes: MAX_BODY_BYTES, flags: {} });
  const answers = new Map<string, number>();
  const changes: Change[] = [];
  let last: { readonly store: Store; readonly text: string } | undefined;

  async function answer(request: IncomingMessage): Promise<Answer> {
    const answered = await handler.answer(request);
    const { method = "" } = request;
    const { [method]: name } = HANDLERS;
    if (name !== undefined) {
      const labels = `code="${answered.status}",handler="${name}",method="${method.toLowerCase()}"`;
      answers.set(labels, (answers.get(labels) ?? 0) + 1);
      changes.push({ at: clock.now(), method, code: answered.status });
    }
    return answered;
  }

  const server = createServer((request, response) => {
    void answer(request)
      .then((answered) => send(response, answered))
      // Its client is gone.
      .catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}`);
  return {
    url,
    async scrape() {
      // What nobody has pushed to looks as it did.
      const store = handler.store();
      if (last?.store === store) return last.text;
      const response = await fetch(new URL("/metrics", url));
      if (response.status !== 200) throw new Error(`the gateway answered ${response.status}`);
      const own = [...answers].map(
        ([labels, count]) => `pushgateway_http_requests_total{${labels}} ${count}`,
      );
      const type = "# TYPE pushgateway_http_requests_total counter";
      last = { store, text: [await response.text(), type, ...own, ""].join("\n") };
      return last.text;
    },
    changes,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
