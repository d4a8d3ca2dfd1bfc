import { PushError } from "../errors.ts";
import type { Credentials } from "../gateway-url.ts";
import type { Answer, ExchangeFailure } from "./exchange.ts";
import { quote, redact } from "./redact.ts";

/** What came of one request: a whole answer, or none. */
export type AttemptResult = { readonly answer: Answer } | { readonly failure: ExchangeFailure };

/** A gateway's 200 has no page in it: HTML means a proxy or a login form answered in its place. */
export function isSuccess(method: string, { status, headers, truncated }: Answer): boolean {
  if (status !== 200 && !(status === 202 && method !== "GET")) return false;
  return !truncated && !/^text\/html/i.test(headers["content-type"] ?? "");
}

/** An attempt without success as an error: what was tried, what came back, what to do. */
export function errorOf(
  what: string,
  result: AttemptResult,
  credentials: Credentials | undefined,
): PushError {
  if ("failure" in result) {
    const { failure } = result;
    const message = redact(failure.message, credentials);
    return new PushError(`${what}: ${message}${advice(failure.code)}`, {
      retryable: !isCertificateProblem(failure.code),
      cause: failure.cause,
    });
  }
  const { status, headers, body } = result.answer;
  const retryable = status === 429 || status >= 500;
  const answer = quote(body, credentials);
  if (status >= 300 && status < 400) {
    const to = quote(Buffer.from(headers.location ?? "nowhere"), credentials);
    return new PushError(
      `${what}: redirected (${status}) to ${to}; redirects are not followed, check the gateway URL`,
      { status, retryable: false },
    );
  }
  if (status === 200 || status === 202) {
    return new PushError(
      `${what}: ${status}, but the answer is not a gateway's: ${answer}; check the gateway URL`,
      { status, retryable: false },
    );
  }
  const hint = status === 401 || status === 403 ? "; check the gateway's credentials" : "";
  return new PushError(`${what}: refused (${status})${answer && `: ${answer}`}${hint}`, {
    status,
    retryable,
  });
}

function isCertificateProblem(code: string): boolean {
  return /CERT|SELF_SIGNED|ISSUER|ALTNAME|SSL|TLS/.test(code);
}

function advice(code: string): string {
  if (code === "ECONNREFUSED") return "; is the gateway running there?";
  if (code === "ENOTFOUND") return "; check the host name in the gateway URL";
  if (isCertificateProblem(code)) return "; check the certificate, or give its authority as caFile";
  return "";
}
