import { BASE64_SUFFIX } from "./request-path.ts";

/** Where a request goes. */
export type Route =
  | { readonly kind: "push" | "delete"; readonly job: JobParameters }
  | { readonly kind: "scrape" | "health" | "about" | "api-metrics" | "api-status" | "options" }
  | { readonly kind: "quit-disabled" }
  | { readonly kind: "redirect"; readonly status: 301 | 307; readonly path: string }
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  | { readonly kind: "not-found" };

export type JobParameters = {
  readonly job: string;
  readonly jobIsBase64: boolean;
  /** What follows the job, beginning with `/`, or nothing. */
  readonly rest: string;
};

const API = "/api/v1";

/** The methods of each fixed path and what they do. */
const FIXED: ReadonlyMap<string, ReadonlyMap<string, Route>> = new Map([
  ["/", methods({ GET: { kind: "about" } })],
  ["/status", methods({ GET: { kind: "about" } })],
  ["/metrics", methods({ GET: { kind: "scrape" } })],
  ["/-/healthy", methods({ GET: { kind: "health" } })],
  ["/-/ready", methods({ GET: { kind: "health" } })],
  ["/-/quit", methods({ POST: { kind: "quit-disabled" }, PUT: { kind: "quit-disabled" } })],
  [`${API}/metrics`, methods({ GET: { kind: "api-metrics" }, OPTIONS: { kind: "options" } })],
  [`${API}/status`, methods({ GET: { kind: "api-status" }, OPTIONS: { kind: "options" } })],
]);

const GROUP_METHODS = ["DELETE", "POST", "PUT"];

/**
 * Where a path is redirected to before anything else is looked at, as Go's ServeMux does for the
 * real gateway: without `//`, `.` and `..`. So an empty value in a path is never stored.
 */
export function cleanRedirect(path: string): Route | undefined {
  const clean = path === API ? `${API}/` : cleanPath(path);
  return clean === path ? undefined : { kind: "redirect", status: 301, path: clean };
}

/**
 * Routes as httprouter does for the real gateway: a path that only needs another trailing slash or
 * other letter case is redirected; a known path with another method is 405.
 */
export function routeOf(method: string, path: string): Route {
  const found = exactRoute(method, path);
  if (found !== undefined) return found;

  const fixed = fixedPath(method, path);
  if (fixed !== undefined) {
    return { kind: "redirect", status: method === "GET" ? 301 : 307, path: fixed };
  }
  const allow = [...allowedMethods(path)].sort();
  if (allow.length === 0) return { kind: "not-found" };
  if (method === "OPTIONS") return { kind: "options" };
  return { kind: "wrong-method", allow: [...new Set([...allow, "OPTIONS"])].sort() };
}

function exactRoute(method: string, path: string): Route | undefined {
  const job = GROUP_METHODS.includes(method) ? jobParameters(path) : undefined;
  if (job !== undefined) return { kind: method === "DELETE" ? "delete" : "push", job };
  if (method === "OPTIONS" && path.startsWith(`${API}/`)) return { kind: "options" };
  return FIXED.get(path)?.get(method);
}

function allowedMethods(path: string): Iterable<string> {
  return jobParameters(path) === undefined ? (FIXED.get(path)?.keys() ?? []) : GROUP_METHODS;
}

function jobParameters(path: string): JobParameters | undefined {
  const match = /^\/metrics\/job(@base64)?\/([^/]+)(\/.*)?$/s.exec(path);
  if (match === null) return undefined;
  const [, suffix, job = "", rest = ""] = match;
  return { job, jobIsBase64: suffix === BASE64_SUFFIX, rest };
}

/** The path that the router would rather have had: other trailing slash, other letter case. */
function fixedPath(method: string, path: string): string | undefined {
  // A quirk of the router's tree: an empty job is taken for a superfluous slash.
  if (path === "/metrics/job/" && GROUP_METHODS.includes(method)) return "/metrics/job";

  const lowered = path.replace(/^\/metrics\/job(?:@base64)?\//i, (prefix) => prefix.toLowerCase());
  if (lowered !== path && exactRoute(method, lowered) !== undefined) return lowered;
  for (const candidate of [path, path.replace(/\/$/, "")].map((p) => p.toLowerCase())) {
    if (candidate !== path && FIXED.get(candidate)?.has(method)) return candidate;
  }
  return undefined;
}

/** Go's `path.Clean` on an absolute path, keeping a trailing slash. */
function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const trailing = kept.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${kept.join("/")}${trailing}`;
}

function methods(routes: Readonly<Record<string, Route>>): ReadonlyMap<string, Route> {
  return new Map(Object.entries(routes));
}
