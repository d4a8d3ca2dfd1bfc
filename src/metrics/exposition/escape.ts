/** The text format's escapes inside a quoted label value. */
export function escapeLabelValue(value: string): string {
  return value.replace(/[\\\n"]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}

/** The text format's escapes in a help text, which is not quoted. */
export function escapeHelp(help: string): string {
  return help.replace(/[\\\n]/g, (char) => (char === "\n" ? "\\n" : "\\\\"));
}
