import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

type Entry = { readonly types: string; readonly default: string };

const { exports } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, Entry | string>>;
};

const entries = Object.entries(exports).flatMap(([name, entry]) =>
  typeof entry === "string" ? [] : [{ name: name.replace(/^\./, "closing-bell"), ...entry }],
);

test.each(entries)("$name is what was built, with its types", async ({ types, ...entry }) => {
  expect(existsSync(ROOT + types)).toBe(true);
  const program = `import(process.argv[1]).then((entry) => console.log(Object.keys(entry).length))`;
  const args = ["-e", program, ROOT + entry.default];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stderr).toBe("");
  expect(Number(stdout)).toBeGreaterThan(0);
});
