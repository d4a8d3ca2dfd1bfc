import type { AiOutcome } from "../metrics/ai-catalogue.ts";

/**
 * How a request ended that threw. In some versions the SDKs' own abort error bears no name of its
 * own, only its class and message. A job may throw anything, even what cannot be looked at.
 */
export function outcomeOfError(error: unknown): Exclude<AiOutcome, "succeeded"> {
  try {
    return isAbort(error) ? "aborted" : "failed";
  } catch {
    return "failed";
  }
}

/** By name and class name: an error may come from another realm. */
function isAbort(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { name, message } = error as Partial<Error>;
  return (
    name === "AbortError" ||
    name === "APIUserAbortError" ||
    error.constructor?.name === "APIUserAbortError" ||
    message === "Request was aborted."
  );
}
