/** What Prometheus shows of one of its scrape jobs; undefined: it could not be told. */
export type ScrapeConfig = { readonly honorLabels: boolean | undefined };

/**
 * The scrape jobs in the configuration that Prometheus shows (`/api/v1/status/config`), by name.
 *
 * That is YAML as Prometheus itself writes it: block style, settings of their default value left out,
 * one key per line at a fixed indentation, all that belongs to it indented deeper. So much is read
 * here and no more; whatever looks otherwise is not guessed at but left out.
 */
export function scrapeConfigs(yaml: string): ReadonlyMap<string, ScrapeConfig> {
  const configs = new Map<string, ScrapeConfig>();
  for (const item of itemsOf(sectionOf(yaml.split("\n"), "scrape_configs"))) {
    const entries = entriesOf(item);
    const names = entries.filter(({ key }) => key === "job_name").map(scalarOf);
    const [name] = names;
    if (names.length !== 1 || name === undefined) continue;
    const honors = entries.filter(({ key }) => key === "honor_labels").map(scalarOf);
    configs.set(name, { honorLabels: honors.length === 0 ? false : booleanOf(honors) });
  }
  return configs;
}

/** The lines below a key at the margin, up to the next one. A list's dashes may be at the margin, too. */
function sectionOf(lines: readonly string[], key: string): readonly string[] {
  const start = lines.indexOf(`${key}:`) + 1;
  if (start === 0) return [];
  const length = lines.slice(start).findIndex((line) => /^[^\s-]/.test(line));
  return lines.slice(start, length === -1 ? undefined : start + length);
}

/** Each item of a list as lines, its dash replaced by a blank. */
function itemsOf(lines: readonly string[]): readonly (readonly string[])[] {
  const margin = /^ *(?=- )/.exec(lines[0] ?? "")?.[0];
  if (margin === undefined) return [];
  const items: string[][] = [];
  for (const line of lines) {
    if (line.startsWith(`${margin}- `)) items.push([line.replace("- ", "  ")]);
    else items.at(-1)?.push(line);
  }
  return items;
}

type Entry = {
  readonly key: string;
  /** Behind the colon. */
  readonly text: string;
  /** It goes on below. */
  readonly goesOn: boolean;
};

/** The keys of a mapping, which are all indented as its first one is. */
function entriesOf(lines: readonly string[]): readonly Entry[] {
  const [indentation = ""] = /^ */.exec(lines[0] ?? "") ?? [];
  const isDeeper = (line: string | undefined) => line?.startsWith(`${indentation} `) ?? false;
  return lines.flatMap((line, index) => {
    const [, key, text = ""] = /^([\w-]+):(?: (.*))?$/.exec(line.slice(indentation.length)) ?? [];
    if (key === undefined || !line.startsWith(indentation)) return [];
    return [{ key, text, goesOn: isDeeper(lines[index + 1]) }];
  });
}

/** The text of a value on one line; undefined for anything else. */
function scalarOf({ text, goesOn }: Entry): string | undefined {
  if (goesOn || text === "") return undefined;
  if (text.startsWith("'")) {
    const [, quoted] = /^'((?:[^']|'')*)'$/.exec(text) ?? [];
    return quoted?.replaceAll("''", "'");
  }
  if (text.startsWith('"')) return doubleQuoted(text);
  // References, tags, flow style and block style begin with these.
  return /^[&*!|>{[%@`#]/.test(text) ? undefined : text;
}

/** YAML's escapes are JSON's and more; what JSON does not know is not guessed at. */
function doubleQuoted(text: string): string | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function booleanOf(texts: readonly (string | undefined)[]): boolean | undefined {
  const [text] = texts;
  if (texts.length === 1 && text === "true") return true;
  return texts.length === 1 && text === "false" ? false : undefined;
}
