import { InvalidInputError } from "../errors.ts";

/** Takes a document as text, piece by piece. */
export type TextSink = { write(text: string): void; end(): void };

/** What a file of another encoding begins with. Order matters: UTF-32 begins as UTF-16 does. */
const BYTE_ORDER_MARKS: readonly (readonly [string, readonly number[]])[] = [
  ["UTF-32", [0xff, 0xfe, 0, 0]],
  ["UTF-32", [0, 0, 0xfe, 0xff]],
  ["UTF-16", [0xff, 0xfe]],
  ["UTF-16", [0xfe, 0xff]],
  ["UTF-8 with a byte order mark", [0xef, 0xbb, 0xbf]],
];

/**
 * Decodes UTF-8 and hands it on. Of nothing more than one piece is held.
 *
 * @throws {InvalidInputError} for another encoding, and what the sink refuses.
 */
export async function decodeInto(
  pieces: AsyncIterable<Uint8Array>,
  sinkFor: (firstText: string) => TextSink,
): Promise<void> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let sink: TextSink | undefined;
  let bytes = 0;
  for await (const piece of pieces) {
    if (bytes === 0) refuseByteOrderMark(piece);
    const text = decode(() => decoder.decode(piece, { stream: true }), bytes, piece.length);
    bytes += piece.length;
    // White space alone says nothing about what follows it.
    if (sink === undefined && /^[ \t\r\n]*$/.test(text)) continue;
    sink ??= sinkFor(text);
    sink.write(text);
  }
  const rest = decode(() => decoder.decode(), bytes, 0);
  sink ??= sinkFor(rest);
  if (rest !== "") sink.write(rest);
  sink.end();
}

function decode(run: () => string, from: number, length: number): string {
  try {
    return run();
  } catch (cause) {
    const where = length === 0 ? `ends within a character` : `bytes ${from} to ${from + length}`;
    throw new InvalidInputError(`is not UTF-8 (${where}); save it as UTF-8`, { cause });
  }
}

function refuseByteOrderMark(piece: Uint8Array): void {
  const [encoding] =
    BYTE_ORDER_MARKS.find(([, mark]) => mark.every((byte, index) => piece[index] === byte)) ?? [];
  if (encoding === undefined) return;
  throw new InvalidInputError(`is ${encoding}; save it as UTF-8 without a byte order mark`);
}
