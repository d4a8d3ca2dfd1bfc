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
  const line = redact(text.slice(0, EXAMINED_LENGTH), secrets)
    // Control and format characters (bidirectional overrides too), lone surrogates, line ends.
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  if (line.length <= maxLength) return line;
  // By code points: half a character is none.
  return `${Array.from(line).slice(0, maxLength).join("")}…`;
}

/** Replaces secrets, whether each of their characters is plain, percent-encoded or escaped as in JSON. */
export function redact(text: string, secrets: readonly string[]): string {
  return [...secrets]
    .filter((secret) => secret !== "")
    .sort((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replace(anySpelling(secret), "***"), text);
}

function anySpelling(secret: string): RegExp {
  const characters = Array.from(secret, (char) => {
    const hex = `%${Buffer.from(char).toString("hex").match(/../g)?.join("%")}`;
    const json = Array.from({ length: char.length }, (_, unit) => {
      return `\\u${char.charCodeAt(unit).toString(16).padStart(4, "0")}`;
    }).join("");
    return `(?:${[hex, json, `\\${char}`, char].map(escapeRegExp).join("|")})`;
  });
  return new RegExp(characters.join(""), "gi");
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
