import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";

const ENTRY = fileURLToPath(new URL("../dist/prom-client.js", import.meta.url));
const THEIRS = createRequire(import.meta.url).resolve("prom-client");

/** The examples of prom-client's own README that stand alone: they make a metric and name no more. */
async function examples(): Promise<readonly string[]> {
  const readme = await readFile(join(dirname(THEIRS), "README.md"), "utf8");
  const blocks = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);
  return blocks.filter(
    (code) =>
      code.includes("require('prom-client')") &&
      /new client\.(?:Counter|Gauge|Histogram|Summary)/.test(code) &&
      !/somethingAsync|the current value|xhrRequest|http\./.test(code),
  );
}

describe("prom-client's own README", () => {
  test("prints the same text with our module in the place of theirs", async () => {
    const codes = await examples();
    expect(codes.length).toBeGreaterThanOrEqual(7);
    const [theirs, ours] = await Promise.all([printed(codes, THEIRS), printed(codes, ENTRY)]);
    expect(theirs).toHaveLength(codes.length);
    expect(ours).toEqual(theirs);
    expect(ours.join()).toContain('metric_name{method="GET",statusCode="200"} 100');
  });
});

test("a TypeScript user has instruments that live in the global registry unless told otherwise", async () => {
  const script = `
    import { Counter, Gauge, Histogram, Registry, register } from ${JSON.stringify(ENTRY)};
    new Counter({ name: "a_total", help: "A." }).inc();
    const own = new Registry();
    new Gauge({ name: "b", help: "B.", registers: [own] }).set(2);
    new Histogram({ name: "c", help: "C.", registers: [own] }).observe(1);
    const names = async (registry) => (await registry.getMetricsAsJSON()).map(({ name }) => name);
    console.log(JSON.stringify([await names(register), await names(own)]));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
  ]);
  expect(JSON.parse(stdout)).toEqual([["a_total"], ["b", "c"]]);
});

/** What each example leaves in the registry, and what it throws (one registers a name twice), one process for all, the registry cleared between. */
async function printed(codes: readonly string[], module: string): Promise<readonly string[]> {
  const script = `
    const client = require(${JSON.stringify(module)});
    (async () => {
      const texts = [];
      for (const code of ${JSON.stringify(codes)}) {
        client.register.clear();
        let problem = "";
        try {
          new Function("require", code)(() => client);
        } catch (error) {
          problem = String(error);
        }
        texts.push((await client.register.metrics()) + problem);
      }
      console.log(JSON.stringify(texts));
    })();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", script]);
  return JSON.parse(stdout) as string[];
}
