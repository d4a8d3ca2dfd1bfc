import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Directories of the tests that are running. */
const made: string[] = [];

/** A path for a state directory that does not exist yet. */
export function stateDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), "cb-"));
  made.push(parent);
  return join(parent, "state");
}

/** For `afterEach` or `afterAll`. */
export function removeStateDirectories(): void {
  for (const path of takeStateDirectories()) rmSync(path, { recursive: true, force: true });
}

/** The directories made so far, for those who remove them themselves. */
export function takeStateDirectories(): readonly string[] {
  return made.splice(0);
}
