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

export type Circumstances = {
  readonly credentials: Credentials | undefined;
  /** Neither this attempt nor one before it left this machine. */
  readonly notSent: boolean;
};

/** An attempt without success as an error: what was tried, what came back, what to do. */
export function errorOf(
  what: string,
  result: AttemptResult,
  { credentials, notSent }: Circumstances,
): PushError {
  if ("failure" in result) {
    const { failure } = result;
    // OpenSSL's have a line end.
    const message = redact(failure.message.trim(), credentials);
    return new PushError(`${what}: ${message}${advice(failure.code)}`, {
      retryable: !isTlsProblem(failure.code),
      notSent,
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
  return /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code);
}

/** The two sides do not agree on TLS; trying again does not change that. */
function isTlsProblem(code: string): boolean {
  return isCertificateProblem(code) || /^EPROTO$|SSL|TLS/.test(code);
}

function advice(code: string): string {
  if (code === "ECONNREFUSED") return "; is the gateway running there?";
  if (code === "ENOTFOUND") return "; check the host name in the gateway URL";
  if (isCertificateProblem(code)) return "; check the certificate, or give its authority as caFile";
  if (isTlsProblem(code)) return "; does the gateway speak TLS 1.2 or later there?";
  return "";
}
