import { messageOf, SourceError } from "../../errors.ts";
import type { ValueSource } from "../value-source.ts";

/** How much of a value that makes no sense is quoted, in characters: it may be somebody's secret. */
const QUOTED_LENGTH = 20;

/**
 * Reads a value on behalf of a source, whose name errors then bear: `kill_switch: redis: GET …`.
 *
 * @throws {SourceError} for whatever the value's own source threw; the signal's reason once it aborted.
 */
export async function readValue(
  value: ValueSource,
  source: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await value.read(signal);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw named(source, thrown);
  }
}

function named(source: string, thrown: unknown): SourceError {
  return new SourceError(source, messageOf(thrown), { cause: thrown });
}

/** The beginning of a value, in quotes, without what a terminal would obey. */
export function quoteValue(text: string): string {
  const characters = Array.from(text);
  const start = characters.slice(0, QUOTED_LENGTH).join("").replace(/\p{C}/gu, "?");
  return `${JSON.stringify(start)}${characters.length > QUOTED_LENGTH ? "…" : ""}`;
}
