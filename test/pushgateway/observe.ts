import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";

export type GatewayRequest = {
  readonly method: string;
  /** As sent, escapes and all. */
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends only so many bytes of the body it announces, then ends the connection. */
  readonly cutAfter?: number;
};

export type GatewayAnswer = {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
};

/** What can be seen of a gateway from outside, in a form in which two gateways can be compared. */
export type View = {
  readonly status: number;
  /** Series of pushed metrics with their values, sorted; `TYPE` lines; order of the push times. */
  readonly scrape: readonly string[];
  readonly api: readonly string[];
};

const agent = new Agent({ keepAlive: true });

export async function ask(base: URL, request: GatewayRequest): Promise<GatewayAnswer> {
  const { method, path, body = "", headers = {}, cutAfter } = request;
  if (cutAfter !== undefined) return askAndHangUp(base, request, cutAfter);
  return new Promise((resolve, reject) => {
    const { hostname, port } = base;
    // An odd header beats a missing one: without a length an empty body would come in chunks.
    const length = `${Buffer.byteLength(body)}`;
    const options = { agent, hostname, port, method, path };
    const outgoing = httpRequest(
      { ...options, headers: { "content-length": length, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode: status = 0, headers: received } = response;
          const text = Buffer.concat(chunks).toString();
          resolve({ status, location: received.location, body: text });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Half-closes, so that a gateway which takes this for a whole request can still answer. */
function askAndHangUp(
  base: URL,
  { method, path, body = "", headers = {} }: GatewayRequest,
  cutAfter: number,
): Promise<GatewayAnswer> {
  const whole = Buffer.from(body);
  const lines = Object.entries({
    host: base.host,
    "content-length": `${whole.length}`,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(Number(base.port), base.hostname, () => {
      socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
      socket.end(whole.subarray(0, cutAfter));
    });
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? 0);
      resolve({ status, location: undefined, body: received.split("\r\n\r\n")[1] ?? "" });
    });
  });
}

export async function view(base: URL): Promise<View> {
  const scrape = await ask(base, { method: "GET", path: "/metrics" });
  if (scrape.status !== 200) return { status: scrape.status, scrape: [], api: [] };
  const api = await ask(base, { method: "GET", path: "/api/v1/metrics" });
  return { status: 200, scrape: scrapeView(scrape.body), api: apiView(api.body) };
}

const TIME_SERIES = /^push_(?:failure_)?time_seconds\{/;

function scrapeView(text: string): string[] {
  const lines: string[] = [];
  const names = new Set<string>();
  const times: { readonly series: string; readonly value: number }[] = [];
  for (const line of text.split("\n")) {
    const space = line.lastIndexOf(" ");
    const series = line.slice(0, space);
    // Everything pushed carries a job; what the gateway says about itself does not.
    if (line.startsWith("#") || !/[{,]job="/.test(series)) continue;
    names.add(/^[^{]*/.exec(series)?.[0] ?? "");
    const value = Number(line.slice(space + 1).replace("Inf", "Infinity"));
    if (TIME_SERIES.test(series)) times.push({ series, value });
    else lines.push(`${canonicalBound(series)} ${value}`);
  }
  for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const own = [name, `${name}_sum`, `${name}_count`, `${name}_bucket`];
    if (own.some((candidate) => names.has(candidate))) lines.push(`# TYPE ${name} ${type}`);
  }
  times.sort((a, b) => a.value - b.value || (a.series < b.series ? -1 : 1));
  const order = times.map(({ series, value }) => `${value === 0 ? "never" : "then"} ${series}`);
  return [...lines.sort(), ...order];
}

/** `le="1e+06"` and `le="1000000"` are the same bound. */
function canonicalBound(series: string): string {
  return series.replace(/(le|quantile)="([^"]*)"\}$/, (_, label, bound: string) => {
    return `${label}="${canonicalNumber(bound)}"}`;
  });
}

function canonicalNumber(text: string): string {
  const value = Number(text.replace("Inf", "Infinity"));
  return text === "" || (Number.isNaN(value) && text !== "NaN") ? text : `${value}`;
}

/** One line per group, each with its keys sorted; times only as whether there is one. */
function apiView(text: string): string[] {
  const { status, data } = JSON.parse(text);
  return [status, ...data.map((group: unknown) => JSON.stringify(canonical(group, ""))).sort()];
}

function canonical(value: unknown, key: string): unknown {
  if (key === "time_stamp") return typeof value === "string" && !Number.isNaN(Date.parse(value));
  if (key === "push_time_seconds" || key === "push_failure_time_seconds") return timeFamily(value);
  if (Array.isArray(value)) return value.map((item) => canonical(item, ""));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, item]): [string, unknown] => {
      const isBound = key === "buckets" || key === "quantiles";
      return isBound
        ? [canonicalNumber(name), canonical(item, "value")]
        : [name, canonical(item, name)];
    });
    return entries.sort(([a], [b]) => (a < b ? -1 : 1));
  }
  const isNumber = ["value", "count", "sum"].includes(key);
  return isNumber && typeof value === "string" ? canonicalNumber(value) : value;
}

/** The clocks of two gateways differ: of a bookkeeping gauge only whether it is set counts. */
function timeFamily(family: unknown): unknown {
  const text = JSON.stringify(family, (key, value) => {
    if (key === "value") return value === "0" ? "never" : "then";
    return key === "time_stamp" ? "" : value;
  });
  return canonical(JSON.parse(text), "");
}
