import { mkdtempSync, rmSync } from "node:fs";
import { constants, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { InvalidInputError, InvalidMetricError, messageOf } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { parseExposition } from "../metrics/exposition/parse.ts";
import { ownDefinitions } from "../metrics/own-definitions.ts";
import { checkRecordFamilies, seriesNames } from "../record/check-families.ts";
import { catalogueGaugeKind, recordFamily } from "../record/record-family.ts";

/** Where a command, in whatever language, leaves its metrics as text in the exposition format. */
export type MetricsFile = {
  /** What the command finds in its environment. Undefined when no file could be made. */
  readonly path: string | undefined;
  /** What the command left there. Never rejects: what cannot be used is left out and named. */
  read(group: GroupingKey): Promise<MetricsFileContent>;
  /** Removes it and all that is beside it. Never throws. */
  remove(): void;
};

export type MetricsFileContent = {
  readonly families: readonly MetricFamily[];
  /** Why something was left out, one error each. */
  readonly problems: readonly Error[];
};

/** The variable that names the file to the command. */
export const METRICS_FILE_VARIABLE = "CLOSING_BELL_METRICS_FILE";

/** Largest file that is read, in bytes; a gateway takes 1 MB at a time. */
const MAX_BYTES = 8 * 1024 * 1024;

/** What client libraries tell of the process they are in, unasked. It has ended when this is read. */
const PROCESS_FAMILIES = /^(?:process|python|nodejs|go|jvm|promhttp)_/;

/** What a run tells of itself. */
const OWN_NAMES: ReadonlySet<string> = new Set(
  Object.values(runCatalogue).flatMap(({ type, name }) => seriesNames({ type, name })),
);

/** Types of the families that others report under the same name. */
const KNOWN_TYPES: ReadonlyMap<string, MetricFamily["type"]> = new Map(
  ownDefinitions.filter(({ name }) => !OWN_NAMES.has(name)).map(({ name, type }) => [name, type]),
);

/**
 * A file that does not exist yet, in a folder of its own: libraries write a file beside it and rename
 * that. Made at once, so that no signal comes in between.
 */
export function createMetricsFile(): MetricsFile {
  let folder: string;
  try {
    folder = mkdtempSync(join(resolve(tmpdir()), "closing-bell-"));
  } catch (error) {
    const problem = asProblem("there could be none", error);
    return {
      path: undefined,
      read: async () => ({ families: [], problems: [problem] }),
      remove() {},
    };
  }
  const path = join(folder, "metrics.prom");
  return {
    path,
    async read(group) {
      try {
        const text = await readText(path);
        return text === undefined ? NOTHING : contentOf(parseExposition(text), group);
      } catch (error) {
        return { families: [], problems: [asProblem("", error)] };
      }
    },
    remove() {
      try {
        rmSync(folder, { recursive: true, force: true });
      } catch {
        // A file that is left in the temporary folder is no reason to trouble a job.
      }
    },
  };
}

const NOTHING: MetricsFileContent = { families: [], problems: [] };

/** Undefined when there is no file. Whatever else may lie there (a pipe, a folder) is an error. */
async function readText(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // Without waiting, as the opening of a pipe would.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new InvalidInputError("it is no regular file");
    if (stat.size > MAX_BYTES) {
      throw new InvalidInputError(`it has ${stat.size} bytes; at most ${MAX_BYTES} are read`);
    }
    const bytes = await file.readFile();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } finally {
    await file.close();
  }
}

/** Each family for itself: one that no record can take is left out and does not cost the others. */
function contentOf(parsed: readonly MetricFamily[], group: GroupingKey): MetricsFileContent {
  const families: MetricFamily[] = [];
  const problems: Error[] = [];
  const owners = new Map<string, string>();
  const byName = new Map(parsed.map((family) => [family.name, family]));
  for (const family of parsed) {
    if (PROCESS_FAMILIES.test(family.name) || isCreationTime(family, byName)) continue;
    try {
      checkType(family);
      checkRecordFamilies([recordFamily(family, catalogueGaugeKind(family.name))], group);
      claimSeries(family, owners);
      families.push(family);
    } catch (error) {
      problems.push(asProblem("", error));
    }
  }
  return { families, problems };
}

/**
 * Whether a family is what Python's library adds to each counter, histogram and summary: the time at
 * which its process made it. A gauge of that name which belongs to none of them is the user's own.
 */
function isCreationTime(
  { type, name }: MetricFamily,
  families: ReadonlyMap<string, MetricFamily>,
): boolean {
  const [, base] = /^(.+)_created$/.exec(name) ?? [];
  if (type !== "gauge" || base === undefined) return false;
  const owner = families.get(base)?.type;
  const isCounted = families.get(`${base}_total`)?.type === "counter" || owner === "counter";
  return isCounted || owner === "histogram" || owner === "summary";
}

/**
 * A family that others of the group report with another type would cost their runs, or this one.
 *
 * @throws {InvalidMetricError}
 */
function checkType({ type, name }: MetricFamily): void {
  const known = KNOWN_TYPES.get(name);
  if (known === undefined || known === type) return;
  throw new InvalidMetricError(
    name,
    `is a ${known} and not ${type}: say "# TYPE ${name} ${known}"`,
  );
}

/** @throws {InvalidMetricError} for series that the run or another family has. */
function claimSeries({ type, name }: MetricFamily, owners: Map<string, string>): void {
  const series = seriesNames({ type: type === "histogram" ? type : "gauge", name });
  for (const each of series) {
    if (OWN_NAMES.has(each)) {
      throw new InvalidMetricError(name, "is one of the families that every run tells of itself");
    }
    const owner = owners.get(each);
    if (owner !== undefined) {
      throw new InvalidMetricError(name, `its series ${each} is also one of ${owner}`);
    }
  }
  for (const each of series) owners.set(each, name);
}

function asProblem(what: string, error: unknown): InvalidInputError {
  const prefix = ["metrics file", what].filter((part) => part !== "").join(": ");
  return new InvalidInputError(`${prefix}: ${messageOf(error)}`, { cause: error });
}
