/** Brings about what a run needs: the right Node, the peers, the product's build. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeMajor } from "./contestants.mjs";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Where a compiler's complaints go, so that `--json` stays JSON. */
const STDERR = 2;

/** Where `.ci/node24` puts Node 24. */
const NODE_24 = `${ROOT}.cache/node24/node_modules/.bin/node`;

/** The version the targets are meant for. */
const TARGET_MAJOR = 24;

/** The oldest version on which all peers run. */
const OLDEST_MAJOR = 22;

export const productBuild = `${ROOT}dist/index.js`;

/**
 * Runs this very command again on Node 24 when the running Node is too old and that one is there.
 *
 * @returns the exit code of that run, or undefined when there was none.
 */
export function rerunOnNode24() {
  if (nodeMajor >= OLDEST_MAJOR) return undefined;
  const { stdout } = spawnSync(NODE_24, ["--version"], { encoding: "utf8" });
  if (!stdout?.startsWith(`v${TARGET_MAJOR}.`)) return undefined;
  return spawnSync(NODE_24, process.argv.slice(1), { stdio: "inherit" }).status ?? 1;
}

/** What a reader must know when the run is not on the Node that the targets are meant for. */
export function nodeRemark() {
  if (nodeMajor === TARGET_MAJOR) return undefined;
  return `the targets are meant for Node ${TARGET_MAJOR} (npm run test:node24 installs it)`;
}

/** Installs the peers unless they are there; no package may run a script. */
export function installPeers() {
  // npm writes this file last, so that an interrupted install is done again.
  if (existsSync(`${BENCH}node_modules/.package-lock.json`)) return;
  npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], BENCH, "ignore");
}

export function buildProduct() {
  npm(["run", "-s", "build"], ROOT, STDERR);
}

function npm(args, cwd, stdout) {
  const { status, error } = spawnSync("npm", args, { cwd, stdio: ["ignore", stdout, STDERR] });
  if (status !== 0) throw new Error(`npm ${args[0]} failed in ${cwd}`, { cause: error });
}
