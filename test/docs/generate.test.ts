import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

test("the generated parts of the documentation are what the code says", async () => {
  const script = fileURLToPath(new URL("../../docs/generate.mjs", import.meta.url));
  const { stderr } = await promisify(execFile)(process.execPath, [script, "--check"]);
  expect(stderr).toBe("");
});
