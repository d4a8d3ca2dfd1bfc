import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";

/** Who is scraped. Labels that it gives itself stay, as with `honor_labels: true`. */
export type Target = Readonly<Record<string, string>> & {
  readonly job: string;
  readonly instance: string;
};

export type ScrapeLog = {
  /** Takes what a target answered at a time, in Unix seconds. */
  add(text: string, target: Target, at: number): void;
  /** Takes one sample of a gauge, such as `up` or what a rule comes to. */
  sample(
    name: string,
    labels: Readonly<Record<string, string>>,
    value: number | string,
    at: number,
  ): void;
  /** Writes all of it as OpenMetrics: each family in one piece, each series in order of time. */
  write(file: string): Promise<void>;
};

type Family = { readonly type: string; readonly chunks: string[] };

export function createScrapeLog(): ScrapeLog {
  const families = new Map<string, Family>();
  /** Series as they are stored, by target and by how they are exposed. */
  const known = new Map<string, Map<string, string>>();

  function familyOf(name: string, type: string): Family {
    const family = families.get(name) ?? { type, chunks: [] };
    families.set(name, family);
    return family;
  }

  return {
    add(text, target, at) {
      const cache = known.get(target.job) ?? new Map<string, string>();
      known.set(target.job, cache);
      let family: Family | undefined;
      let lines = "";
      for (const line of text.split("\n")) {
        if (line.startsWith("# TYPE ")) {
          if (lines !== "") family?.chunks.push(lines);
          lines = "";
          const [, , name = "", type = ""] = line.split(" ");
          // OpenMetrics calls a counter's family by what is before the suffix of its samples.
          family = familyOf(type === "counter" ? name.replace(/_total$/, "") : name, type);
        } else if (line !== "" && !line.startsWith("#")) {
          const end = line.lastIndexOf(" ");
          const exposed = line.slice(0, end);
          let series = cache.get(exposed);
          if (series === undefined) {
            series = stored(exposed, target);
            cache.set(exposed, series);
          }
          lines += `${series} ${line.slice(end + 1)} ${at}\n`;
        }
      }
      if (lines !== "") family?.chunks.push(lines);
    },
    sample(name, labels, value, at) {
      familyOf(name, "gauge").chunks.push(`${name}{${labelText(labels)}} ${value} ${at}\n`);
    },
    async write(file) {
      function* text() {
        for (const [name, { type, chunks }] of families) {
          yield `# TYPE ${name} ${type}\n`;
          // Many small pieces would be written one by one.
          for (let from = 0; from < chunks.length; from += 500) {
            yield chunks.slice(from, from + 500).join("");
          }
        }
        yield "# EOF\n";
      }
      await pipeline(text, createWriteStream(file));
    },
  };
}

/** With the target's labels, except for those that it has itself; an empty one is none. */
function stored(exposed: string, target: Target): string {
  const [, name = "", inner = ""] = /^([^{]*)(?:\{(.*)\})?$/s.exec(exposed) ?? [];
  const labels = inner.split(/,(?=[a-zA-Z_]\w*=")/).filter((pair) => pair !== "");
  const own = Object.entries(target)
    .filter(([label]) => !labels.some((pair) => pair.startsWith(`${label}="`)))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${[...labels.filter((pair) => !pair.endsWith('=""')), ...own].join(",")}}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(",");
}
