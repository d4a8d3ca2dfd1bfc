/** How much of foreign text a message quotes, in characters. */
const QUOTED_LENGTH = 120;

/** How much of it is looked at: enough that a key at the end of the quotation is seen whole. */
const EXAMINED_LENGTH = 16 * 1024;

/**
 * Foreign text as one line for a message: cut, without what a terminal would obey, without the key.
 *
 * @param key what authenticates us; a key of printable ASCII, so a server can echo it in one spelling.
 * @param maxLength characters.
 */
export function quote(text: string, key?: string, maxLength: number = QUOTED_LENGTH): string {
  const examined = text.slice(0, EXAMINED_LENGTH);
  const redacted = key === undefined ? examined : examined.replaceAll(key, "***");
  // Control and format characters, lone surrogates, line ends.
  const line = redacted.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  if (line.length <= maxLength) return line;
  // By code points: half a character is none.
  return `${Array.from(line).slice(0, maxLength).join("")}…`;
}
