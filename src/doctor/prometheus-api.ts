import type { GatewayAddress } from "../gateway-url.ts";
import { quote, redact } from "../push/redact.ts";
import { type DoctorContext, millisecondsText } from "./context.ts";
import { request } from "./request.ts";

/** A target that Prometheus scrapes. */
export type ScrapeTarget = {
  /** Name of the scrape job that found it. */
  readonly scrapeJob: string;
  readonly url: string;
  readonly labels: Readonly<Record<string, unknown>>;
  /** `up`, `down`, or `unknown` before the first scrape. */
  readonly health: string;
  /** Empty when there was none. */
  readonly lastError: string;
  /** Undefined where Prometheus does not say. */
  readonly intervalSeconds: number | undefined;
};

/** Largest answer that is read: configurations and lists of targets have no limit of their own. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** All targets that are scraped now. */
export async function readTargets(
  context: DoctorContext,
  prometheus: GatewayAddress,
): Promise<readonly ScrapeTarget[]> {
  const data = record(await ask(context, prometheus, "/api/v1/targets?state=active"));
  const targets = data["activeTargets"];
  return (Array.isArray(targets) ? targets : []).map((target: unknown) => {
    const { scrapePool, scrapeUrl, labels, health, lastError, scrapeInterval } = record(target);
    return {
      scrapeJob: `${scrapePool}`,
      url: `${scrapeUrl}`,
      labels: record(labels),
      health: `${health}`,
      lastError: typeof lastError === "string" ? lastError : "",
      intervalSeconds: durationSeconds(`${scrapeInterval}`),
    };
  });
}

/** The configuration, as Prometheus writes it. */
export async function readConfiguration(
  context: DoctorContext,
  prometheus: GatewayAddress,
): Promise<string> {
  return `${record(await ask(context, prometheus, "/api/v1/status/config"))["yaml"]}`;
}

/** The newest value of each series of an expression. */
export async function query(
  context: DoctorContext,
  prometheus: GatewayAddress,
  promql: string,
): Promise<readonly { readonly labels: Record<string, unknown>; readonly value: number }[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(promql)}`;
  const { result } = record(await ask(context, prometheus, path));
  return (Array.isArray(result) ? result : []).map((series: unknown) => {
    const { metric, value } = record(series);
    return { labels: record(metric), value: Number(Array.isArray(value) ? value[1] : undefined) };
  });
}

/** @throws an error that says what came back, and what to do. */
async function ask(
  context: DoctorContext,
  { base, credentials }: GatewayAddress,
  path: string,
): Promise<unknown> {
  const what = `GET ${path.replace(/\?.*/, "")} at ${base}`;
  const { result, isLate } = await request(context, {
    url: `${base}${path}`,
    credentials,
    ca: authorities(context),
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  if (isLate) {
    const waited = millisecondsText(context.stepMs);
    throw new Error(`${what}: no whole answer within ${waited}: is Prometheus running there?`);
  }
  if ("failure" in result) {
    const { message, code } = result.failure;
    const said = redact(message, credentials);
    throw new Error(`${what}: ${said} (${code}): is Prometheus running there? Check --prometheus`);
  }
  const { status, body } = result.answer;
  if (status === 401 || status === 403) {
    const sent =
      credentials === undefined ? "no credentials were sent" : "these credentials are not accepted";
    throw new Error(
      `${what}: ${status}, and ${sent}: give them as --prometheus http://user:password@host`,
    );
  }
  try {
    const answer = record(JSON.parse(body.toString("utf8")));
    if (status === 200 && answer["status"] === "success") return answer["data"];
  } catch {
    // It is said below what it is.
  }
  const said = quote(body.subarray(0, 200), credentials);
  throw new Error(
    `${what}: ${status}, but the answer is not Prometheus's: ${said}; check --prometheus`,
  );
}

/** The gateway's authorities and everybody's: who runs their own for one runs it for both. */
function authorities({ settings }: DoctorContext): string | undefined {
  const own = settings.gateway?.caFile?.value.pem;
  if (own === undefined) return undefined;
  return [own, ...process.getBuiltinModule("node:tls").rootCertificates].join("\n");
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

/** Prometheus's way to write durations, e.g. `1m30s`. Seconds. */
function durationSeconds(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhdwy]))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)(ms|[smhdwy])/g)];
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
