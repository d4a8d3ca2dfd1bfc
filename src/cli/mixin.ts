import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readSettings, valuesOf } from "../config/config.ts";
import { readSourceFiles } from "../config/source-file.ts";
import { ConfigError, messageOf } from "../errors.ts";
import { generateMixin, type MixinFile } from "../mixin/mixin.ts";
import { EXIT, type Io } from "./io.ts";
import { type GatewayFlags, sourcesOf } from "./target.ts";

export type MixinFlags = Pick<GatewayFlags, "config" | "json" | "quiet"> & {
  /** Folder that gets `rules`, `tests` and `dashboards`. */
  readonly out: string;
  /** Write nothing; say what would be. */
  readonly check?: boolean;
  /** Base URL of the runbooks. */
  readonly runbooks?: string;
  /** Base URL of Grafana. */
  readonly grafana?: string;
};

type Fate = { readonly path: string; readonly status: "same" | "changed" | "missing" };

/**
 * Writes Prometheus's rules, their tests and Grafana's dashboards for the jobs of the configuration; those that are there
 * already keep their times. With `check` it writes nothing: 1 when a file is not what it would write.
 */
export async function mixin(flags: MixinFlags, io: Io): Promise<number> {
  const { out, check = false, runbooks, grafana } = flags;
  const jobs = jobsOf(flags, io);
  const files = generateMixin(jobs, {
    ...(runbooks === undefined ? {} : { runbooks }),
    ...(grafana === undefined ? {} : { grafana }),
  });
  if (Object.keys(jobs).length === 0) {
    io.err("closing-bell: closing-bell.json names no jobs: there are no alerts about jobs\n");
  }
  const fates: Fate[] = [];
  for (const file of files) {
    // As it was given, for people and scripts; relative to the working directory.
    const path = join(out, file.path);
    const target = resolve(io.cwd, path);
    try {
      const status = await statusOf(file, target);
      if (status !== "same" && !check) await write(file, target);
      fates.push({ path, status });
    } catch (error) {
      io.err(
        `closing-bell: ${path} cannot be ${check ? "read" : "written"}: ${messageOf(error)}\n`,
      );
      return EXIT.failed;
    }
  }
  const drifted = fates.filter(({ status }) => status !== "same");
  tell(fates, flags, io);
  return check && drifted.length > 0 ? EXIT.failed : EXIT.done;
}

/**
 * Of the configuration only the jobs count: rules can be generated where no gateway's password is.
 *
 * @throws {ConfigError} with every problem of the files.
 */
function jobsOf(flags: MixinFlags, io: Io) {
  const sources = sourcesOf(flags, io);
  const problems: string[] = [];
  readSourceFiles(sources, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return valuesOf(readSettings(sources).jobs);
}

async function statusOf({ content }: MixinFile, target: string): Promise<Fate["status"]> {
  try {
    return (await readFile(target, "utf8")) === content ? "same" : "changed";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw error;
  }
}

async function write({ content }: MixinFile, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}

function tell(fates: readonly Fate[], { check, json, quiet, out }: MixinFlags, io: Io): void {
  if (json) io.out(`${JSON.stringify({ files: fates })}\n`);
  if (json) return;
  const drifted = fates.filter(({ status }) => status !== "same");
  if (check) {
    for (const { path, status } of drifted) {
      const what = status === "missing" ? "is missing" : "is not what the job catalogue says";
      io.err(`closing-bell: ${path} ${what}; run: closing-bell mixin --out ${out}\n`);
    }
  } else if (!quiet) for (const { path } of drifted) io.err(`closing-bell: wrote ${path}\n`);
  if (drifted.length === 0 && !quiet) {
    io.err(`closing-bell: ${out}: ${fates.length} files are what the job catalogue says\n`);
  }
}
