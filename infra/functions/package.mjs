/**
 * `npm run package`: bundles the functions, zips them and has osls write the CloudFormation template,
 * all below `.cache/functions`. The same sources give the same zips on every machine. Needs neither
 * credentials nor a network, and writes nothing elsewhere.
 *
 *     .cache/functions/NAME.zip    index.cjs, closing-bell.json and the certificates that it names; what
 *                                  `npx serverless deploy` uploads
 *     .cache/functions/stack/      the template as it would be deployed with no `--param`, to look at
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { zipSync } from "fflate";
import { bundleFunctions, FUNCTIONS } from "./bundle.mjs";
import template from "./template.cjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const output = join(root, ".cache/functions");
const stack = join(output, "stack");

/**
 * Of every file in a zip. In the local time zone, as zips have it: so it is the same text in all of them.
 * Read by all; fflate writes no permissions without being told of Unix.
 */
const ATTRIBUTES = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o100644 << 16, level: 9 };

try {
  // So that what was packaged before is not deployed when this fails.
  for (const name of FUNCTIONS) rmSync(join(output, `${name}.zip`), { force: true });
  rmSync(stack, { recursive: true, force: true });

  const { foreignJobs, caFiles } = await template.configured();
  const bundles = await bundleFunctions(output);
  for (const { name, file } of bundles) console.log(zipFunction(name, file, caFiles));
  const resources = packageStack();
  console.log(`stack          ${resources} resources in ${stack}`);
  for (const job of foreignJobs) console.log(`job ${job} is no function: it is not scheduled here`);
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
}

/** Its compression is the library's own: Node's differs between versions and processors. */
function zipFunction(name, bundle, caFiles) {
  const configuration = ["closing-bell.json", ...caFiles].map((path) => [path, join(root, path)]);
  const files = [["index.cjs", bundle], ...configuration];
  const zip = zipSync(
    Object.fromEntries(files.map(([path, from]) => [path, [readFileSync(from), ATTRIBUTES]])),
  );
  writeFileSync(join(output, `${name}.zip`), zip);
  const hash = createHash("sha256").update(zip).digest("hex");
  return `${`${name}.zip`.padEnd(12)} ${String(zip.length).padStart(7)} bytes  SHA-256 ${hash}`;
}

/** @returns how many resources the stack has. */
function packageStack() {
  // It keeps a cache in the home directory, and would look for credentials there.
  const home = join(output, "home");
  mkdirSync(home, { recursive: true });
  const osls = createRequire(import.meta.url).resolve("serverless/bin/serverless.js");
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [osls, "package", "--package", stack],
    {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: home, AWS_EC2_METADATA_DISABLED: "true" },
      encoding: "utf8",
    },
  );
  if (status !== 0) throw error ?? new Error(`osls package failed:\n${stdout}${stderr}`);
  const path = join(stack, "cloudformation-template-update-stack.json");
  return Object.keys(JSON.parse(readFileSync(path, "utf8")).Resources).length;
}
