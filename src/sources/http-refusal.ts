import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { HttpTarget } from "./http-target.ts";
import { quote } from "./quote.ts";

/** An answer with another status than 200 in words: what came back and what to do. */
export function refusal(
  { statusCode: status = 0, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  body: string,
  target: HttpTarget,
): string {
  const said = quote(body, target.secrets);
  const answered = `answered ${status}${said === "" ? "" : ` (${said})`}`;
  const { location } = headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    return `answered ${status}, a redirect to ${shownLocation(location, target)}; redirects are not followed, check the URL`;
  }
  if (status === 401 || status === 403) {
    return `${answered}; check ${target.credentials ?? "the credentials"}`;
  }
  if (status === 404 || status === 410) return `${answered}; check the path in the URL`;
  if (status === 429) return `${answered}: too many requests${waiting(headers, target)}`;
  if (status >= 500) {
    return `${answered}: trouble on the server's side, not here${waiting(headers, target)}`;
  }
  return `${answered}, not 200`;
}

/** Without query and user-info: a login page's often hold a token. */
function shownLocation(location: string, { url, secrets }: HttpTarget): string {
  const to = URL.canParse(location, url) ? new URL(location, url) : undefined;
  const isHttp = to?.protocol === "http:" || to?.protocol === "https:";
  const shown = to !== undefined && isHttp ? `${to.origin}${to.pathname}` : "another scheme";
  return quote(shown, secrets, 200);
}

/** When to come back, as far as the server says so. */
function waiting(headers: IncomingHttpHeaders, { secrets }: HttpTarget): string {
  const told: string[] = [];
  const after = headers["retry-after"];
  if (after !== undefined) told.push(`Retry-After: ${quote(after, secrets, 40)}`);
  const reset = headers["x-ratelimit-reset"];
  if (reset !== undefined) {
    const text = quote(`${reset}`, secrets, 40);
    told.push(`X-RateLimit-Reset: ${text}${timeOf(text)}`);
  }
  return told.length === 0 ? "" : `; ${told.join(", ")}`;
}

/** Of ten digits: Unix seconds, as Alpaca and most have it. Others count from now. */
function timeOf(text: string): string {
  return /^\d{10}$/.test(text) ? ` (${new Date(Number(text) * 1000).toISOString()})` : "";
}
