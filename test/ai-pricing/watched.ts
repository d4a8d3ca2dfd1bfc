import { type StreamEnd, watchStream } from "../../src/ai-pricing/stream.ts";

/** A stream that is watched, and every end that was told of it. */
export type Watched<Stream> = {
  readonly stream: Stream;
  readonly isWatched: boolean;
  readonly ends: readonly StreamEnd[];
};

export function watched<Stream>(stream: Stream): Watched<Stream> {
  const ends: StreamEnd[] = [];
  const isWatched = watchStream(stream, (end) => ends.push(end));
  return { stream, isWatched, ends };
}

/** Yields what is given, and throws at its end when there is something to throw. */
export async function* streamOf(events: readonly unknown[], thrown?: unknown) {
  // Not `yield*`: what an array's iterator answers to throw() differs between versions of V8.
  for (const event of events) yield event;
  if (thrown !== undefined) throw thrown;
}

export async function readAll(stream: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Reads `count` items and leaves. */
export async function leaveAfter(count: number, stream: AsyncIterable<unknown>): Promise<void> {
  let read = 0;
  for await (const _ of stream) if (++read === count) break;
}

/** The events of the Messages API: 10 in, 1 out at first, 25 out at last. */
export const MODEL = "claude-haiku-4-5-20251001";
export const START = {
  type: "message_start",
  message: {
    model: MODEL,
    usage: { input_tokens: 10, cache_read_input_tokens: 7, output_tokens: 1 },
  },
};
export const TEXT = {
  type: "content_block_delta",
  index: 0,
  delta: { type: "text_delta", text: "Hi" },
};
export const DELTA = { type: "message_delta", delta: {}, usage: { output_tokens: 25 } };
export const STOP = { type: "message_stop" };
export const WHOLE = [START, TEXT, DELTA, STOP];

/** What is known at the start, and at the end. */
export const AT_START = { model: MODEL, usage: START.message.usage };
export const AT_END = { model: MODEL, usage: { ...START.message.usage, output_tokens: 25 } };
