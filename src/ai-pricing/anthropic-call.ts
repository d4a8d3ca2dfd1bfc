import { openAiRequest } from "../metrics/ai-request.ts";
import { outcomeOfError } from "./outcome.ts";
import type { SpendingOf } from "./spending.ts";
import { type StreamEnd, watchBody, watchStream } from "./stream.ts";
import { enclosingRequest } from "./track.ts";
import { readUsage } from "./usage.ts";

/** One call of `create`, told how it went. */
export type Call = {
  /** The API has answered; nobody has read it yet, and maybe nobody will. */
  readonly answered: () => void;
  /** The answer was read. */
  readonly arrived: (answer: unknown) => void;
  /** The answer is a stream that somebody else makes of the response. */
  readonly handedOn: (response: HandedOn) => void;
  /** An answer came that the job reads itself, as the raw response. */
  readonly unread: () => void;
  readonly fail: (error: unknown) => void;
};

/** Of the SDK's request: what a stream is made of. */
export type HandedOn = {
  readonly response?: { readonly body?: unknown };
  readonly controller?: unknown;
  readonly options?: { readonly stream?: unknown };
};

/** Opens a call in the run, and in the request, that it is made in. */
export function openCall(model: string, spendingOf: SpendingOf): Call {
  const around = enclosingRequest();
  const own = openAiRequest(model);
  // A call that nobody waits for outlives the request around it, and is one of its own then.
  const payer = () => (around === undefined || around.hasEnded() ? own : around);
  let isRead = false;

  const spend = (answer: unknown) => {
    const request = payer();
    try {
      const usage = readUsage(answer);
      if (usage !== undefined) request.spend(spendingOf(model, usage));
    } catch (error) {
      // A stream's end is told where nobody else would catch it.
      request.refuseUsage(error);
    }
  };
  const end = (outcome: StreamEnd["outcome"]) => {
    if (payer() === own) own.end(outcome);
  };
  const endStream = ({ answer, outcome }: StreamEnd) => {
    spend(answer);
    end(outcome);
  };
  return {
    answered() {
      if (payer() === own) own.arrived();
    },
    arrived(answer) {
      if (isRead) return;
      isRead = true;
      try {
        if (watchStream(answer, endStream)) return;
      } catch (error) {
        payer().refuse(error);
      }
      spend(answer);
      end("succeeded");
    },
    handedOn({ response, controller, options }) {
      if (isRead || options?.stream !== true) return;
      try {
        isRead = watchBody(response?.body, controller, endStream);
      } catch (error) {
        payer().refuse(error);
      }
    },
    unread() {
      if (!isRead) end("succeeded");
    },
    fail: (error) => end(outcomeOfError(error)),
  };
}
