/**
 * The little of YAML that rules and their tests need, for people to read. A library knows all of YAML;
 * this one writes mappings, lists, numbers and text in four spellings, and reads nothing.
 */
export type Yaml = string | number | readonly Yaml[] | YamlMapping;

/** A key `#` is a comment above the mapping, where that is an item of a list. */
export type YamlMapping = { readonly [key: string]: Yaml | undefined };

/** Columns after which prose goes on in the next line. */
const WIDTH = 100;

/** What may stand without quotes: names, PromQL's metric names, paths and durations. */
const PLAIN = /^(?:[A-Za-z][\w:./-]*[\w]|[A-Za-z]|\d+(?:ms|[smhd]))$/;

/** Words that YAML 1.1, which Prometheus reads, takes for something else than text. */
const NOT_TEXT = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/** What can stand as it is: letters of any language and what is printed, but no breaks of lines. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

/** A document, with a comment at its head. Same value, same bytes. */
export function yamlDocument(head: string, value: YamlMapping): string {
  return `${comment(head, 0)}${mapping(value, 0)}`;
}

function mapping(value: YamlMapping, depth: number): string {
  return Object.entries(value)
    .flatMap(([key, item]) =>
      key === "#" || item === undefined
        ? []
        : [`${indent(depth)}${text(key)}:${below(item, depth)}`],
    )
    .join("");
}

/** What stands behind a colon, to the end of its last line. */
function below(value: Yaml, depth: number): string {
  if (typeof value === "number") return ` ${value}\n`;
  if (typeof value === "string") return ` ${scalar(value, depth + 1)}\n`;
  if (isList(value)) return value.length === 0 ? " []\n" : `\n${list(value, depth + 1)}`;
  return Object.keys(value).length === 0 ? " {}\n" : `\n${mapping(value, depth + 1)}`;
}

function list(items: readonly Yaml[], depth: number): string {
  return items.map((item) => listItem(item, depth)).join("");
}

function listItem(item: Yaml, depth: number): string {
  if (typeof item !== "object" || isList(item)) return `${indent(depth)}-${below(item, depth)}`;
  const { "#": note } = item;
  const lines = mapping(item, depth + 1);
  const above = typeof note === "string" ? comment(note, depth) : "";
  return `${above}${indent(depth)}- ${lines.slice(indent(depth + 1).length)}`;
}

/** Text of several lines as it is, long prose folded, everything else in one line. */
function scalar(value: string, depth: number): string {
  const lines = value.split("\n");
  const start = indent(depth);
  const isBlock =
    lines.length > 1 && lines.every((line) => /^\S|\S$/.test(line) && PRINTABLE.test(line));
  // A block whose first line begins with a space would need to say how far it is indented.
  if (isBlock && !value.startsWith(" ")) {
    return `|-\n${lines.map((line) => `${start}${line}`).join("\n")}`;
  }
  const isProse = /^\S+(?: \S+)*$/.test(value) && PRINTABLE.test(value);
  if (isProse && start.length + value.length > WIDTH) {
    return `>-\n${wrap(value, WIDTH - start.length)
      .map((line) => `${start}${line}`)
      .join("\n")}`;
  }
  return text(value);
}

function text(value: string): string {
  if (PLAIN.test(value) && !NOT_TEXT.test(value)) return value;
  if (PRINTABLE.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return `"${[...value].map(escaped).join("")}"`;
}

function escaped(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  if (PRINTABLE.test(character)) return character;
  return `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
}

function comment(note: string, depth: number): string {
  const start = `${indent(depth)}# `;
  return note
    .split("\n")
    .flatMap((paragraph) => wrap(visible(paragraph), WIDTH - start.length))
    .map((line) => `${start}${line}\n`)
    .join("");
}

/** A comment ends where YAML sees the end of a line, which may be where nobody else does. */
function visible(note: string): string {
  return [...note].map((character) => (PRINTABLE.test(character) ? character : "?")).join("");
}

/** Lines of at most so many columns, where words allow it. */
function wrap(prose: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of prose.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function indent(depth: number): string {
  return "  ".repeat(depth);
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value);
}
