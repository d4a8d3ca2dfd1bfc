import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { removeStateDirectories, stateDirectory } from "./state-directory.ts";

const PROGRAM = fileURLToPath(new URL("./lambda-runtime.mjs", import.meta.url));

/** One line, and what to do. */
const LEFT_OUT =
  /^Left out: the proofs that need the Lambda runtime client \(its build needs cmake, g\+\+, make, xz, tar: install them\)\. To bring it: node test\/support\/lambda-runtime\.mjs/;

let folder: string;
let path: string;
let client: string;

beforeEach(() => {
  folder = stateDirectory();
  path = join(folder, "path");
  client = join(folder, "lambda-runtime");
  mkdirSync(path, { recursive: true });
  symlinkSync(process.execPath, join(path, "node"));
});

afterAll(removeStateDirectories);

describe("where the client cannot be built", () => {
  test("its proofs are left out in one line, and nothing is left behind", () => {
    const { status, stdout, stderr } = install();
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(LEFT_OUT);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["path"]);
  });

  test("that is a failure in CI", () => {
    const { status, stderr } = install({ CI: "true" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/\(CI is set: this is a failure\)$/m);
  });

  test.each([
    { what: "half of one", version: "4.0.2", isBuilt: false },
    { what: "another version", version: "3.3.0", isBuilt: true },
  ])("$what is not taken for it", ({ version, isBuilt }) => {
    const place = join(client, "node_modules/aws-lambda-ric");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "package.json"), JSON.stringify({ version }));
    if (isBuilt) writeFileSync(join(place, "rapid-client.node"), "");
    expect(install().stderr).toMatch(LEFT_OUT);
    expect(existsSync(place)).toBe(true);
  });
});

function install(env: Readonly<Record<string, string>> = {}) {
  return spawnSync(join(path, "node"), [PROGRAM], {
    encoding: "utf8",
    env: { PATH: path, LAMBDA_RUNTIME_DIR: client, ...env },
  });
}
