/**
 * Sees to it that the real Lambda runtime client for Node is there, and Node 24 for it to run on.
 *
 * Both come from npm and are kept below `.cache/`: Node 24 where `.ci/node24` keeps it too. The client
 * has a native part, which is built here (most of a minute): with the tools of this machine, which are
 * installed from Debian where one is missing and we are root.
 *
 * A client that cannot be had leaves its proofs out, in one line; with `CI` set it is a failure.
 */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const CLIENT = { name: "aws-lambda-ric", version: "4.0.2" };

/** What the build runs, by the Debian package that has it. */
const TOOLS = { cmake: "cmake", "g++": "g++", make: "make", xz: "xz-utils", tar: "tar" };

/** Deadline of one command, in milliseconds: a build on one slow core takes its time. */
const TIMEOUT_MS = 10 * 60_000;

/** Age in milliseconds at which an installation that was cut off is swept away. */
const STALE_MS = 60 * 60_000;

const cache = fileURLToPath(new URL("../../.cache", import.meta.url));
const { CI, LAMBDA_RUNTIME_DIR, PATH = "" } = process.env;
const directory = resolve(LAMBDA_RUNTIME_DIR || join(cache, "lambda-runtime"));
const node24 = join(cache, "node24");
const node24Command = join(node24, "node_modules/.bin/node");

main();

function main() {
  try {
    const isThere = hasClient();
    if (!isThere) findTools();
    if (!hasNode24()) installNode24();
    if (!isThere) installClient();
  } catch (error) {
    console.error(
      `Left out: the proofs that need the Lambda runtime client (${error.message}). ` +
        "To bring it: node test/support/lambda-runtime.mjs" +
        (CI ? " (CI is set: this is a failure)" : ""),
    );
    if (CI) process.exitCode = 1;
  }
}

function hasNode24() {
  const { stdout } = spawnSync(node24Command, ["--version"], { encoding: "utf8" });
  return stdout?.startsWith("v24.") === true;
}

/** What the npm package `node` would fetch from an install script, which npm may not run. */
function installNode24() {
  const { platform, arch } = process;
  const isAppleSilicon = platform === "darwin" && arch === "arm64";
  const name = `${isAppleSilicon ? "node-bin" : "node"}-${platform}-${arch}`;
  console.log(`Installing ${name}@24 from npm to ${shown(node24)}`);
  inPlaceOf(node24, (folder) => npmInstall(folder, `${name}@24`));
}

function hasClient() {
  const client = join(directory, "node_modules", CLIENT.name);
  if (!existsSync(join(client, "rapid-client.node"))) return false;
  const { version } = JSON.parse(readFileSync(join(client, "package.json"), "utf8"));
  return version === CLIENT.version;
}

function installClient() {
  const { name, version } = CLIENT;
  console.log(`Installing ${name}@${version} from npm to ${shown(directory)} and building it`);
  inPlaceOf(directory, (folder) => {
    npmInstall(folder, `${name}@${version}`);
    buildClient(join(folder, "node_modules"));
  });
}

function findTools() {
  if (process.platform !== "linux") throw new Error("it is built for Linux only");
  const missing = Object.keys(TOOLS).filter((tool) => !isOnPath(tool));
  if (missing.length === 0) return;
  if (!isOnPath("apt-get") || process.getuid?.() !== 0) {
    throw new Error(`its build needs ${missing.join(", ")}: install them`);
  }
  const packages = missing.map((tool) => TOOLS[tool]);
  console.log(`Installing ${packages.join(", ")} from Debian, to build the Lambda runtime client`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["-qq", "update"], { env });
  run("apt-get", ["-qq", "--yes", "--no-install-recommends", "install", ...packages], { env });
}

/**
 * As the package's own scripts do it, but for node-gyp: that needs Python, and headers from nodejs.org.
 * Those of Node 24 are in its npm package.
 */
function buildClient(modules) {
  const client = join(modules, CLIENT.name);
  const built = join(client, "deps/artifacts");
  run("sh", ["scripts/preinstall.sh"], { cwd: client });
  const headers = [
    join(node24Root(), "include/node"),
    join(modules, "node-addon-api"),
    join(built, "include"),
  ];
  const archives = ["libaws-lambda-runtime.a", "libcurl.a"];
  run(
    "g++",
    [
      ...["-std=c++20", "-O2", "-fPIC", "-shared", "-pthread"],
      ...["-DNAPI_CPP_EXCEPTIONS", "-DNODE_GYP_MODULE_NAME=rapid_client"],
      ...headers.map((folder) => `-I${folder}`),
      ...["-o", "rapid-client.node", "src/native/rapid-client.cc"],
      ...archives.map((file) => join(built, "lib", file)),
    ],
    { cwd: client },
  );
  // It may have been linked and still not load.
  run(node24Command, ["-e", "require('./rapid-client.node')"], {
    cwd: client,
    env: { AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9" },
  });
  // Sources and what was built of them: 60 times the size of what is used.
  rmSync(join(client, "deps"), { recursive: true });
}

/** Where the package is that the command is a link to. */
function node24Root() {
  return resolve(realpathSync(node24Command), "../..");
}

/** Fills a folder beside its place and moves it there whole: a run that is cut off leaves no half. */
function inPlaceOf(place, fill) {
  mkdirSync(dirname(place), { recursive: true });
  sweepStale(place);
  const folder = mkdtempSync(`${place}-`);
  try {
    fill(folder);
    rmSync(place, { recursive: true, force: true });
    renameSync(folder, place);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One that was killed could not clean up. A younger one may still be going on. */
function sweepStale(place) {
  for (const name of readdirSync(dirname(place))) {
    if (!name.startsWith(`${basename(place)}-`)) continue;
    const path = join(dirname(place), name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (modified < Date.now() - STALE_MS) rmSync(path, { recursive: true, force: true });
  }
}

function npmInstall(folder, name) {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const alone = ["--no-save", "--no-package-lock", "--ignore-scripts"];
  run("npm", ["install", "--prefix", folder, ...alone, ...quiet, name]);
}

/** @throws {Error} with the last that it wrote, when it fails. */
function run(command, args, { cwd, env } = {}) {
  const ended = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  if (ended.status === 0) return ended;
  const last = ended.error?.message ?? `${ended.stderr}`.trim().split("\n").slice(-3).join(" / ");
  throw new Error(`${command} ${args[0]} failed: ${last}`);
}

function isOnPath(command) {
  return PATH.split(delimiter)
    .filter(Boolean)
    .some((folder) => {
      try {
        accessSync(join(folder, command), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function shown(path) {
  return relative("", path) || ".";
}
