import type { Credentials } from "../gateway-url.ts";
import { createExchange, ExchangeFailure, type Lookup } from "../push/exchange.ts";
import type { AttemptResult } from "../push/judge.ts";
import { authorization } from "../push/redact.ts";
import { VERSION } from "../version.ts";
import { type DoctorContext, stepSignal } from "./context.ts";

export type DoctorRequest = {
  readonly url: string;
  readonly credentials?: Credentials | undefined;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string | undefined;
  /** Instead of the doctor's: what was looked up before. */
  readonly lookup?: Lookup;
  readonly maxAnswerBytes?: number;
  /** Of the time of a step. */
  readonly share?: number;
};

/** One answer, or none, and when it was asked for and came. Unix seconds. */
export type Exchanged = {
  readonly result: AttemptResult;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** There was no answer because the time for it was over. */
  readonly isLate: boolean;
};

/** One GET, over a connection of its own, and whatever comes of it. Never repeated. */
export async function request(
  context: DoctorContext,
  { url, credentials, ca, lookup, maxAnswerBytes = 64 * 1024, share = 1 }: DoctorRequest,
): Promise<Exchanged> {
  const { clock } = context;
  const connection = createExchange(url.startsWith("https:") ? "https:" : "http:", {
    lookup: lookup ?? context.lookup,
    ...(ca === undefined ? {} : { ca }),
  });
  const signal = stepSignal(context, share);
  const sentAt = clock.now();
  try {
    const answer = await connection.request({
      method: "GET",
      url,
      headers: {
        "User-Agent": `closing-bell/${VERSION}`,
        ...(credentials === undefined ? {} : { Authorization: authorization(credentials) }),
      },
      signal,
      maxAnswerBytes,
    });
    return { result: { answer }, sentAt, receivedAt: clock.now(), isLate: false };
  } catch (error) {
    if (!(error instanceof ExchangeFailure)) throw error;
    const isLate = signal.aborted;
    return { result: { failure: error }, sentAt, receivedAt: clock.now(), isLate };
  } finally {
    connection.close();
  }
}
