import { redactSecrets } from "../secret-spelling.ts";

/** How much of what came back a message quotes, in characters. */
const QUOTED_LENGTH = 100;

/** How much of it is looked at: enough that a secret at the end of the quotation is seen whole. */
const EXAMINED_LENGTH = 64 * 1024;

/**
 * Foreign text as one line for a message: cut, without what a terminal would obey, and without
 * secrets.
 *
 * @param secrets are replaced in every spelling in which a server could echo them.
 */
export function quote(
  text: string,
  secrets: readonly string[] = [],
  maxLength = QUOTED_LENGTH,
): string {
  const line = redactSecrets(text.slice(0, EXAMINED_LENGTH), secrets)
    // Control and format characters (bidirectional overrides too), lone surrogates, line ends.
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  if (line.length <= maxLength) return line;
  // By code points: half a character is none.
  return `${Array.from(line).slice(0, maxLength).join("")}…`;
}
