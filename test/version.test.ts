import { createRequire } from "node:module";
import { expect, test } from "@jest/globals";
import { VERSION } from "../src/version.ts";

test("the version in the source is the one that is published", () => {
  const { version } = createRequire(__filename)("../package.json") as { version: string };
  expect(VERSION).toBe(version);
});
