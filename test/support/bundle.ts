import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/**
 * Bundles a TypeScript program into plain JavaScript, for tests that need processes of their own.
 *
 * @param entry path below `test/`, e.g. `proofs/ledger/chaos-worker.ts`.
 * @returns the path of the bundle, in `.cache/`.
 */
export function bundleProgram(entry: string): string {
  const name = entry.replace(/\.ts$/, ".mjs").replaceAll("/", "-");
  const outfile = fileURLToPath(new URL(`../../.cache/bundles/${name}`, import.meta.url));
  buildSync({
    entryPoints: [fileURLToPath(new URL(`../${entry}`, import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    // CommonJS, which asks for Node's own modules in a way that an ES module has not.
    external: ["@aws-sdk/*"],
    logLevel: "warning",
  });
  return outfile;
}
