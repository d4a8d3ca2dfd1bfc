import type { ServerResponse } from "node:http";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { LabelSet } from "../../src/metrics/exposition/family.ts";
import { look } from "../../src/publish/look.ts";
import { type PublishState, publishStateOf } from "../../src/publish/publish-state.ts";
import { createPublisher, type PublisherOptions } from "../../src/publish/publisher.ts";
import {
  createPushClient,
  type PushClient,
  type PushClientOptions,
} from "../../src/push/client.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { type RecordedRequest, serve } from "../support/http-server.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, NIGHT, sampleValue } from "../support/run-records.ts";

/** What becomes of one request: a status stands for an answer that the gateway knows nothing of. */
export type Fate =
  | number
  | { readonly status: number; readonly headers: Record<string, string>; readonly body: string }
  /** Not passed on; the connection is cut. */
  | "lost"
  /** Passed on, carried out, and the connection is cut instead of an answer. */
  | "unanswered"
  /** Neither passed on nor answered, ever. */
  | "ignored";

/** Sees each request before the gateway does; what it gives instead of nothing happens to it. */
export type Meddler = (request: RecordedRequest) => Promise<Fate | undefined> | Fate | undefined;

/** An embedded gateway, with somebody in front of it who sees every request. */
export type WatchedGateway = {
  readonly url: URL;
  readonly requests: readonly RecordedRequest[];
  /** `PUT`, `GET /-/ready` and the like, in the order of arrival, since the last call. */
  readonly seen: () => readonly string[];
  readonly meddle: (meddler: Meddler) => void;
  readonly passOn: () => void;
  /** A request that nobody sees. */
  readonly send: (
    request: Pick<RecordedRequest, "method" | "path" | "body">,
  ) => Promise<{ readonly status: number; readonly text: string }>;
  /** Comes back without its data, at the same address. */
  readonly restart: () => Promise<void>;
  /** Nobody listens at its address any more. */
  readonly stop: () => Promise<void>;
};

const cleanups: (() => unknown)[] = [];

/** Ends what the functions here started. For `afterEach`. */
export async function endPublishing(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

export async function startWatchedGateway(
  clock: ManualClock = manualClock(NIGHT + 60),
): Promise<WatchedGateway> {
  let gateway: PushgatewayServer = await startPushgateway({ clock });
  let meddler: Meddler = () => undefined;
  let from = 0;

  const send: WatchedGateway["send"] = async ({ method, path, body }) => {
    const content = method === "GET" ? {} : { body: new Uint8Array(body) };
    const response = await fetch(new URL(path, gateway.url), { method, ...content });
    return { status: response.status, text: await response.text() };
  };
  async function answer(request: RecordedRequest, response: ServerResponse): Promise<void> {
    const fate = await meddler(request);
    if (fate === "ignored") return;
    if (typeof fate === "number") response.writeHead(fate).end();
    else if (typeof fate === "object") response.writeHead(fate.status, fate.headers).end(fate.body);
    else if (fate === "lost") response.destroy();
    else {
      const { status, text } = await send(request);
      if (fate === "unanswered") response.destroy();
      else response.writeHead(status).end(text);
    }
  }
  const server = await serve((_, response) => {
    void answer(server.requests.at(-1) as RecordedRequest, response);
  });
  cleanups.push(
    () => server.close(),
    () => gateway.close(),
  );
  return {
    url: server.url,
    requests: server.requests,
    seen() {
      const requests = server.requests.slice(from);
      from = server.requests.length;
      return requests.map(({ method, path }) => (method === "GET" ? `GET ${path}` : method));
    },
    meddle(next) {
      meddler = next;
    },
    passOn() {
      meddler = () => undefined;
    },
    send,
    async restart() {
      await gateway.close();
      gateway = await startPushgateway({ clock });
    },
    async stop() {
      await server.close();
      // Until clients have noticed that their connections are gone.
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
}

export type BenchOptions = Partial<PublisherOptions> &
  Pick<PushClientOptions, "timeoutMs"> & {
    readonly clock?: ManualClock;
    /** One that is there already, so that several ledgers report to it. */
    readonly gateway?: WatchedGateway;
    readonly url?: URL;
  };

/** A ledger, a gateway and a publisher between them. Values are shown at once unless told otherwise. */
export async function startBench({
  ledger = createMemoryLedger(),
  clock = manualClock(NIGHT + 60),
  gateway: given,
  timeoutMs = 5000,
  url,
  ...options
}: BenchOptions = {}) {
  const gateway = given ?? (await startWatchedGateway(clock));
  const client = clientOf(url ?? gateway.url, { clock, timeoutMs });
  return {
    ledger,
    clock,
    gateway,
    client,
    publisher: createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0, ...options }),
    /** What is noted of a group. */
    noted: (group: GroupingKey = GROUP) => notedOf(ledger, client, group),
    /** What the gateway shows of one series, asked behind its back. */
    shown: (name: string, labels?: LabelSet, group?: GroupingKey) =>
      shownAt(gateway, {
        name,
        group: group ?? GROUP,
        ...(labels === undefined ? {} : { labels }),
      }),
  };
}

export type Bench = Awaited<ReturnType<typeof startBench>>;

export function clientOf(url: URL, options: Partial<PushClientOptions> = {}): PushClient {
  const client = createPushClient({ url, ...options });
  cleanups.push(() => client.close());
  return client;
}

export async function notedOf(
  ledger: Ledger,
  { gateway }: Pick<PushClient, "gateway">,
  group: GroupingKey = GROUP,
): Promise<PublishState> {
  return publishStateOf(await ledger.readPublishState(group), gateway);
}

/** A ledger with an id of its own. */
export function ledgerNamed(id: string): Ledger {
  return { ...createMemoryLedger(), place: `memory:${id}`, ledgerId: async () => id };
}

/** A group of its own for each number. */
export function groupNumber(number: number): GroupingKey {
  return groupingKey("nightly", { shard: `${number}` });
}

async function shownAt(
  gateway: WatchedGateway,
  {
    name,
    labels,
    group,
  }: { readonly name: string; readonly labels?: LabelSet; readonly group: GroupingKey },
): Promise<number | undefined> {
  const unseen: Pick<PushClient, "get"> = {
    async get(path) {
      return (await gateway.send({ method: "GET", path, body: Buffer.alloc(0) })).text;
    },
  };
  const { families } = await look(unseen as PushClient, group);
  return sampleValue(families, name, labels);
}
