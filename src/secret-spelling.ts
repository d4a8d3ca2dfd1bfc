/**
 * Replaces secrets, whether each of their characters is plain, percent-encoded or escaped as in JSON:
 * encoders differ in which ones they leave alone, and servers echo what they were sent.
 */
export function redactSecrets(text: string, secrets: readonly string[]): string {
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
