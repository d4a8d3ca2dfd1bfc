/**
 * The Lambda functions as one file each: CommonJS, because a bundle of it needs nothing beside itself
 * and its Node modules load fastest; no source map, because reading one costs 22 ms at each start.
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Each is `src/lambda/<name>.ts`, which exports `handler`. */
export const FUNCTIONS = ["backtest", "analysis", "reporter"];

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Writes `<outdir>/<name>/index.cjs` for every function, with its `handler` and nothing else exported.
 * The same sources give the same bytes, wherever the checkout is.
 *
 * @param {string} outdir absolute, or below the working directory.
 * @returns {Promise<{ name: string, file: string, metafile: import("esbuild").Metafile }[]>}
 * @throws {Error} of one line, when a function is missing, exports no handler, or makes esbuild warn.
 */
export async function bundleFunctions(outdir) {
  return Promise.all(FUNCTIONS.map((name) => bundleFunction(name, resolve(outdir, name))));
}

async function bundleFunction(name, directory) {
  // What an earlier build left would be taken for this one's.
  rmSync(directory, { recursive: true, force: true });
  const file = join(directory, "index.cjs");
  const { metafile, warnings } = await build({
    // An import by name, so that a function without a handler does not build.
    stdin: {
      contents: `export { handler } from "./src/lambda/${name}.ts";`,
      sourcefile: `${name}-function.js`,
      resolveDir: root,
    },
    // Paths end up in no output then, but relative ones do in the metafile.
    absWorkingDir: root,
    outfile: file,
    bundle: true,
    minify: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    // The AWS SDK's CommonJS files keep what its ES modules let go: 699 KB instead of 436.
    mainFields: ["module", "main"],
    legalComments: "none",
    logLevel: "silent",
    metafile: true,
  }).catch((error) => {
    throw new Error(`function ${name} does not build: ${told(error.errors) ?? error.message}`, {
      cause: error,
    });
  });
  // Each is a mistake that would show at run time, such as an import.meta that is empty.
  if (warnings.length > 0) throw new Error(`function ${name} does not build: ${told(warnings)}`);
  return { name, file, metafile };
}

function told(messages) {
  return messages
    ?.map(({ text, location }) =>
      location === null ? text : `${location.file}:${location.line}: ${text}`,
    )
    .join("; ");
}
