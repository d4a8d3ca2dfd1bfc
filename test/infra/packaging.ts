import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type Packaged = {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type Zip = { readonly name: string; readonly bytes: number; readonly hash: string };

/** A CloudFormation template, as far as a test looks into it. */
export type Template = {
  readonly Parameters: Readonly<Record<string, Properties>>;
  readonly Resources: Readonly<Record<string, { readonly Properties: Properties }>>;
};

// biome-ignore lint/suspicious/noExplicitAny: what a test looks for and does not find, it fails of
export type Properties = Readonly<Record<string, any>>;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What of a checkout is packaged, or says how. */
const PARTS = [
  "infra",
  "src",
  "package.json",
  "tsconfig.json",
  "closing-bell.json",
  "serverless.yml",
  ".npmrc",
];

/** Of one packaging, in milliseconds: for one that hangs. */
export const PACKAGING_TIMEOUT_MS = 180_000;

const ISOLATIONS = [
  ["unshare", "--net"],
  ["unshare", "--map-root-user", "--net"],
];

/** A command that runs another without a network; empty where that is not allowed. */
const isolation =
  ISOLATIONS.find(([command = "", ...flags]) => {
    return spawnSync(command, [...flags, "true"]).status === 0;
  }) ?? [];

/** Whether packaging is run without one. */
export const hasNoNetwork = isolation.length > 0;

const directories: string[] = [];

/** A folder that is removed with the copies. */
export function newFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), "cb-package-"));
  directories.push(directory);
  return directory;
}

/** What is packaged of the checkout, in another folder. */
export function copyOfCheckout(): string {
  const directory = join(newFolder(), "checkout");
  for (const part of PARTS) cpSync(join(ROOT, part), join(directory, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  return directory;
}

/** For `afterAll`. */
export function removeCopies(): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

/** The home directory that is given to who packages a copy. It does not exist before. */
export function homeOf(copy: string): string {
  return join(dirname(copy), "home");
}

/** Runs `npm run package` with PATH, and what a test adds, as the whole environment. */
export function packageCopy(copy: string, env: Readonly<Record<string, string>> = {}): Packaged {
  const [command = "", ...args] = [...isolation, "npm", "run", "-s", "package"];
  const { PATH = "" } = process.env;
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: copy,
    env: { PATH, HOME: homeOf(copy), ...env },
    encoding: "utf8",
    timeout: PACKAGING_TIMEOUT_MS,
  });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** As they were printed. */
export function zipsOf({ stdout }: Packaged): readonly Zip[] {
  const lines = stdout.matchAll(/^(\w+\.zip) +(\d+) bytes +SHA-256 ([0-9a-f]{64})$/gm);
  return [...lines].map(([, name = "", bytes, hash = ""]) => ({
    name,
    bytes: Number(bytes),
    hash,
  }));
}

export function readTemplate(copy: string): Template {
  return readStackFile(copy, "cloudformation-template-update-stack.json");
}

/** Values that the stack would be deployed with, by parameter. */
export function readStackParameters(copy: string): Readonly<Record<string, string>> {
  const { service } = readStackFile(copy, "serverless-state.json");
  const given: readonly Properties[] = service.provider.stackParameters;
  return Object.fromEntries(
    given.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
  );
}

function readStackFile(copy: string, name: string) {
  return JSON.parse(readFileSync(join(copy, ".cache/functions/stack", name), "utf8"));
}

export function propertiesOf({ Resources }: Template, id: string): Properties {
  const { Properties } = Resources[id] ?? {};
  if (Properties === undefined) throw new Error(`the template has no ${id}`);
  return Properties;
}

/** Replaces what must be in a file of a copy. */
export function edit(copy: string, file: string, from: string | RegExp, to: string): void {
  const path = join(copy, file);
  const before = readFileSync(path, "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${file} has no ${from}`);
  writeFileSync(path, after);
}

/** Every text in a value, with the keys that lead to it. */
export function* texts(
  value: unknown,
  path: readonly string[] = [],
): Generator<{ readonly path: readonly string[]; readonly text: string }> {
  if (typeof value === "string") yield { path, text: value };
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) yield* texts(each, [...path, key]);
}
