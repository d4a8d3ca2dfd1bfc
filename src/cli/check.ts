import { spawn } from "node:child_process";
import { InvalidMetricError } from "../errors.ts";
import { groupingKey } from "../grouping-key.ts";
import { type Finding, lintFamilies } from "../metrics/exposition/lint.ts";
import { parseExposition } from "../metrics/exposition/parse.ts";
import { checkFamilies } from "../push/check.ts";
import { EXIT, type Io, readInput } from "./io.ts";

export type CheckFlags = { readonly json?: boolean; readonly quiet?: boolean };

/** Exit code when something was found, as promtool's. */
const FINDINGS = 3;

/**
 * Lints an exposition: what `push` would refuse, what promtool's rules say, and what promtool itself
 * says where it is installed. Standard output has one line per finding.
 */
export async function check(file: string, flags: CheckFlags, io: Io): Promise<number> {
  const text = await readInput(file);
  const families = parseExposition(text);
  const own = [...pushFindings(families), ...lintFamilies(families)];
  const promtool = await promtoolFindings(text);
  const findings = [...own, ...(promtool ?? []).filter((finding) => !includes(own, finding))];
  if (flags.json) {
    io.out(`${JSON.stringify({ findings, promtool: promtool !== undefined })}\n`);
  } else if (!flags.quiet) {
    for (const { metric, problem } of findings) io.out(`${metric}: ${problem}\n`);
    const judges = promtool === undefined ? "promtool is not installed" : "promtool asked too";
    io.err(
      `closing-bell: ${families.length} metric families, ${findings.length} findings (${judges})\n`,
    );
  }
  return findings.length === 0 ? EXIT.done : FINDINGS;
}

/** The first thing for which a push to any group would be refused. */
function pushFindings(families: ReturnType<typeof parseExposition>): readonly Finding[] {
  try {
    checkFamilies(families, groupingKey("any"));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidMetricError)) throw error;
    const problem = error.message.replace(`metric ${error.metric}: `, "");
    return [{ metric: error.metric, problem: `push would refuse it: ${problem}` }];
  }
}

/** What `promtool check metrics` says; undefined where there is no promtool. */
function promtoolFindings(text: string): Promise<readonly Finding[] | undefined> {
  return new Promise((resolve) => {
    const promtool = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    promtool.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
    });
    promtool.once("error", () => resolve(undefined));
    promtool.once("close", () => {
      const lines = said.split("\n").filter((line) => line !== "");
      resolve(
        lines.map((line) => {
          const [, metric = "promtool", problem = line] = /^(\S+) (.*)$/.exec(line) ?? [];
          return { metric, problem };
        }),
      );
    });
    // It may refuse the text before it has read all of it.
    promtool.stdin.on("error", () => {});
    promtool.stdin.end(text);
  });
}

function includes(findings: readonly Finding[], { metric, problem }: Finding): boolean {
  return findings.some((known) => known.metric === metric && known.problem === problem);
}
