import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { playDay } from "./day.ts";
import { openDay } from "./open-day.ts";
import { END } from "./times.ts";

/**
 * Plays a day and serves it as a Prometheus, until Ctrl-C, for whoever wants to look at the dashboards:
 *
 *   npx esbuild test/proofs/dashboards/serve-day.ts --bundle --packages=external --platform=node \
 *     --alias:@jest/globals=./test/e2e/no-jest.ts --format=esm --outfile=.cache/bundles/serve-day.mjs
 *   node .cache/bundles/serve-day.mjs good|bad
 */
const [kind] = process.argv.slice(2);
if (kind !== "good" && kind !== "bad") throw new Error("serve-day.mjs good|bad");

const folder = mkdtempSync(join(tmpdir(), "closing-bell-day-"));
const file = join(folder, "day.om");
try {
  await playDay(kind, file);
  const { store } = await openDay(file);
  process.stdout.write(`${store.url().href} now=${END}\n`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
