import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { serve } from "../support/http-server.ts";

/** One alert in a notification, as a receiver's webhook got it. */
export type Notification = {
  readonly receiver: string;
  readonly status: "firing" | "resolved";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
};

/** What a receiver's own service was sent: JSON of HTTP services, text of a mail. */
export type Message = {
  readonly service: "slack" | "pagerduty" | "heartbeat" | "mail";
  readonly body: string;
  readonly authorization?: string;
};

/** Everything that an Alertmanager notifies, on loopback: a webhook for each receiver, and their services. */
export type Receivers = {
  /** Of the webhooks, at `/webhook/NAME`, and the services, at `/slack`, `/pagerduty` and `/heartbeat`. */
  readonly url: URL;
  /** `host:port` of the mail server. It speaks no TLS and asks for no password. */
  readonly smarthost: string;
  readonly notifications: readonly Notification[];
  readonly messages: readonly Message[];
  /**
   * Resolves to the first notification, or message, that is so: one of the past, or the next to come.
   *
   * @throws after a minute, with all that came.
   */
  readonly notification: (is: (each: Notification) => boolean) => Promise<Notification>;
  readonly message: (is: (each: Message) => boolean) => Promise<Message>;
  readonly close: () => Promise<void>;
};

/** Deadline of waiting, in milliseconds: for what never comes, never for a slow machine. */
const TIMEOUT_MS = 60_000;

/** @param onNotification is told of each when it comes. */
export async function startReceivers(
  onNotification: (notification: Notification) => void = () => {},
): Promise<Receivers> {
  const notifications: Notification[] = [];
  const messages: Message[] = [];
  const arrivals = new EventEmitter();
  const http = await serve((request, response, body) => {
    const [kind = "", name = ""] = (request.url ?? "").slice(1).split("/");
    const text = body.toString("utf8");
    if (kind === "webhook") {
      for (const each of notificationsIn(text, name)) {
        notifications.push(each);
        onNotification(each);
      }
    } else {
      const { authorization } = request.headers;
      const service = kind as Message["service"];
      messages.push({
        service,
        body: text,
        ...(authorization === undefined ? {} : { authorization }),
      });
    }
    // PagerDuty's own answer to an event.
    response.writeHead(kind === "pagerduty" ? 202 : 200).end();
    arrivals.emit("arrival");
  });
  const mail = await startMailServer((body) => {
    messages.push({ service: "mail", body });
    arrivals.emit("arrival");
  });

  async function first<T>(list: readonly T[], is: (each: T) => boolean): Promise<T> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    for (;;) {
      const found = list.find(is);
      if (found !== undefined) return found;
      await once(arrivals, "arrival", { signal }).catch((cause: unknown) => {
        throw new Error(`waited for ${is}; came: ${JSON.stringify(list)}`, { cause });
      });
    }
  }

  return {
    url: http.url,
    smarthost: mail.address,
    notifications,
    messages,
    notification: (is) => first(notifications, is),
    message: (is) => first(messages, is),
    async close() {
      await Promise.all([http.close(), mail.close()]);
    },
  };
}

type Webhook = {
  readonly alerts: readonly Pick<Notification, "status" | "labels" | "annotations">[];
};

function notificationsIn(text: string, receiver: string): readonly Notification[] {
  const { alerts }: Webhook = JSON.parse(text);
  const at = performance.now();
  return alerts.map(({ status, labels, annotations }) => {
    return { receiver, status, labels, annotations, at };
  });
}

type MailServer = { readonly address: string; readonly close: () => Promise<void> };

/** As much of SMTP as it takes to be handed a mail. */
async function startMailServer(onMail: (body: string) => void): Promise<MailServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let pending = "";
    let isBody = false;
    socket.write("220 loopback\r\n");
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      pending += chunk;
      for (;;) {
        const mark = isBody ? "\r\n.\r\n" : "\r\n";
        const end = pending.indexOf(mark);
        if (end < 0) return;
        const text = pending.slice(0, end);
        pending = pending.slice(end + mark.length);
        // A line that begins with a dot was given another.
        if (isBody) onMail(text.replaceAll("\r\n..", "\r\n."));
        isBody = !isBody && text === "DATA";
        socket.write(isBody ? "354 go on\r\n" : text === "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
