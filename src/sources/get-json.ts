import { SourceError } from "../errors.ts";
import { httpGet } from "./http-get.ts";
import type { HttpTarget } from "./http-target.ts";
import { quote } from "./quote.ts";

/**
 * One GET of a JSON document. See {@link httpGet} for what is never done and when the connection is
 * closed.
 *
 * @param source names the source in errors.
 * @throws {SourceError} also for a 200 that is no JSON, with the beginning of what came back.
 */
export async function getJson(
  source: string,
  target: HttpTarget,
  signal: AbortSignal,
): Promise<unknown> {
  const { text } = await httpGet(source, target, signal);
  try {
    return JSON.parse(text);
  } catch {
    const came = text.trim() === "" ? "nothing" : `no JSON: ${quote(text, target.secrets)}`;
    // biome-ignore lint/style/useErrorCause: it quotes the text, with whatever secret that holds
    throw new SourceError(source, `GET ${target.shown} answered ${came}; check the URL`);
  }
}
