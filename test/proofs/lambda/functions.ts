import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type Metafile } from "esbuild";
import { stateDirectory } from "../../support/state-directory.ts";

export type FunctionName = "backtest" | "analysis" | "reporter";

export type BuiltBundle = {
  readonly name: FunctionName;
  readonly file: string;
  readonly metafile: Metafile;
};

const BUNDLER = fileURLToPath(new URL("../../../infra/functions/bundle.mjs", import.meta.url));
const FIXTURE = fileURLToPath(new URL("../../support/lambda-fixtures.ts", import.meta.url));

/** The functions as they are deployed, built anew. */
export function bundleFunctions(): readonly BuiltBundle[] {
  const folder = stateDirectory();
  const result = join(folder, "bundles.json");
  // In a process of its own: an ES module is no module to a test.
  const program = `
    import { writeFileSync } from "node:fs";
    import { bundleFunctions } from ${JSON.stringify(BUNDLER)};
    const bundles = await bundleFunctions(${JSON.stringify(folder)});
    writeFileSync(${JSON.stringify(result)}, JSON.stringify(bundles));
  `;
  execFileSync(process.execPath, ["--input-type=module", "--eval", program]);
  return JSON.parse(readFileSync(result, "utf8"));
}

/** The function that does what its event says, built as the others are. */
export function bundleErrands(): string {
  const outfile = join(stateDirectory(), "index.cjs");
  buildSync({
    entryPoints: [FIXTURE],
    outfile,
    bundle: true,
    minify: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    logLevel: "warning",
  });
  return outfile;
}

/** A folder as the function's zip is unpacked to one: the bundle, and the configuration beside it. */
export function taskRoot(bundle: string, configuration: object = {}): string {
  const folder = stateDirectory();
  mkdirSync(folder);
  copyFileSync(bundle, join(folder, "index.cjs"));
  writeFileSync(join(folder, "closing-bell.json"), JSON.stringify(configuration));
  return folder;
}
