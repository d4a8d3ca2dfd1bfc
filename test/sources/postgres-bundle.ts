import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/** Makes plain JavaScript of `postgres-process.ts`. @returns its path. */
export function bundlePostgresProcess(): string {
  const outfile = fileURLToPath(
    new URL("../../.cache/bundles/sources-postgres-process.mjs", import.meta.url),
  );
  buildSync({
    entryPoints: [fileURLToPath(new URL("postgres-process.ts", import.meta.url))],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "warning",
  });
  return outfile;
}
