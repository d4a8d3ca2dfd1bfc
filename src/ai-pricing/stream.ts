import type { AiOutcome } from "../metrics/ai-catalogue.ts";
import { createEventDecoder } from "./event-decoder.ts";
import { hear, nothingHeard } from "./heard.ts";
import { outcomeOfError } from "./outcome.ts";

/** How a streamed answer ended, and what is known of it in the shape of a whole one. */
export type StreamEnd = { readonly outcome: AiOutcome; readonly answer: unknown };

/** Runs a step of reading in the context that the stream was made in. */
type Within = <R>(step: () => R) => R;

const anywhere: Within = (step) => step();

/**
 * Watches a streamed answer in place and tells `ended` once how it ended: read to its end, left or
 * aborted, or failed. What the job gets from it stays the same.
 *
 * @param within runs each step of reading: a generator does its work when it is read.
 * @returns whether `answer` is a stream that can be watched.
 */
export function watchStream(
  answer: unknown,
  ended: (end: StreamEnd) => void,
  within: Within = anywhere,
): boolean {
  if (typeof answer !== "object" || answer === null) return false;
  if (isMessageStream(answer)) {
    watchMessageStream(answer, ended);
    return true;
  }
  const stream = answer as Record<PropertyKey, unknown>;
  // Web and Node streams can be read in ways that no iterator sees.
  if ("getReader" in stream || "pipe" in stream) return false;
  const key = typeof stream[SDK_ITERATOR] === "function" ? SDK_ITERATOR : Symbol.asyncIterator;
  const signal = signalOf(stream["controller"]);
  return watchIterable(stream, { key, signal, ended, within, eventsOf: (event) => [event] });
}

/** The same for the body of a response that somebody else makes a stream of. */
export function watchBody(
  body: unknown,
  controller: unknown,
  ended: (end: StreamEnd) => void,
): boolean {
  if (typeof body !== "object" || body === null) return false;
  const [key, signal] = [Symbol.asyncIterator, signalOf(controller)];
  const eventsOf = createEventDecoder();
  return watchIterable(body as Record<PropertyKey, unknown>, {
    key,
    signal,
    ended,
    within: anywhere,
    eventsOf,
  });
}

/** The Anthropic SDK's `messages.stream()`: an emitter that folds the events itself. */
type MessageStreamLike = {
  readonly on: (
    event: "end" | "streamEvent",
    listener: (event: unknown, snapshot: unknown) => void,
  ) => unknown;
  readonly receivedMessages: readonly unknown[];
  readonly currentMessage: unknown;
  readonly ended: boolean;
  readonly aborted: boolean;
};

function isMessageStream(answer: object): answer is MessageStreamLike {
  return "receivedMessages" in answer && "on" in answer && typeof answer.on === "function";
}

function watchMessageStream(stream: MessageStreamLike, ended: (end: StreamEnd) => void): void {
  let soFar = stream.currentMessage;
  const end = () => {
    const whole = stream.receivedMessages.at(-1);
    if (whole !== undefined) ended({ outcome: "succeeded", answer: whole });
    else ended({ outcome: stream.aborted ? "aborted" : "failed", answer: soFar });
  };
  if (stream.ended) end();
  else stream.on("end", end);
  // It forgets the message of a stream that ends early as if it had been all.
  stream.on("streamEvent", (_event, snapshot) => {
    soFar = snapshot;
  });
}

/** A method that a stream is read through; an SDK's own stream makes its iterators with `iterator`. */
const SDK_ITERATOR = "iterator";

type Watching = {
  /** The method that makes its iterators. */
  readonly key: PropertyKey;
  /** Aborted when the stream is given up, also while nobody reads. */
  readonly signal: AbortSignal | undefined;
  readonly ended: (end: StreamEnd) => void;
  readonly within: Within;
  readonly eventsOf: (item: unknown) => readonly unknown[];
};

function watchIterable(
  stream: Record<PropertyKey, unknown>,
  { key, signal, ended, within, eventsOf }: Watching,
): boolean {
  const iterate = stream[key];
  if (typeof iterate !== "function" || !Object.isExtensible(stream)) return false;

  const heard = nothingHeard();
  let hasEnded = false;
  const end = (outcome: AiOutcome) => {
    if (hasEnded) return;
    hasEnded = true;
    ended({ outcome: heard.isWhole ? "succeeded" : outcome, answer: heard.answer });
  };
  // The SDK aborts a stream that fails, too: while it is read, the reader hears what happened.
  let steps = 0;
  const endIfAborted = () => {
    if (signal?.aborted && steps === 0) end("aborted");
  };
  signal?.addEventListener("abort", endIfAborted, { once: true });
  Object.defineProperty(stream, key, {
    configurable: true,
    writable: true,
    value: () => {
      const iterator = within(() => iterate.call(stream)) as AsyncIterator<unknown>;
      return watchedIterator(iterator, within, {
        end,
        async during(step) {
          steps += 1;
          try {
            return await step();
          } finally {
            steps -= 1;
            endIfAborted();
          }
        },
        take(item) {
          for (const event of eventsOf(item)) hear(heard, event);
          // Some stop reading here.
          if (heard.isWhole || heard.isBroken) end("failed");
        },
        // An SDK's stream that was aborted ends as if it had been read.
        done: () => {
          if (signal?.aborted) return end("aborted");
          end(heard.saysWhole ? "failed" : "succeeded");
        },
      });
    },
  });
  return true;
}

type Reading = {
  readonly during: <R>(step: () => Promise<R>) => Promise<R>;
  readonly take: (item: unknown) => void;
  readonly end: (outcome: AiOutcome) => void;
  readonly done: () => void;
};

function watchedIterator(
  iterator: AsyncIterator<unknown>,
  within: Within,
  { during, take, end, done }: Reading,
): AsyncIterableIterator<unknown> {
  async function told(step: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> {
    try {
      const result = await step;
      if (result.done) done();
      else take(result.value);
      return result;
    } catch (error) {
      end(outcomeOfError(error));
      throw error;
    }
  }
  return {
    next: (...args) => during(() => told(within(() => iterator.next(...args)))),
    async return(value) {
      try {
        return (await within(() => iterator.return?.(value))) ?? { done: true, value };
      } finally {
        end("aborted");
      }
    },
    async throw(error) {
      end(outcomeOfError(error));
      if (iterator.throw === undefined) throw error;
      return iterator.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function signalOf(controller: unknown): AbortSignal | undefined {
  return controller instanceof AbortController ? controller.signal : undefined;
}
