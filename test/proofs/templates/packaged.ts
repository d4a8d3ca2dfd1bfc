import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const TEMPLATE = ".cache/functions/stack/cloudformation-template-update-stack.json";

/** Deadline of the packaging, in milliseconds: for one that hangs. */
const TIMEOUT_MS = 300_000;

/**
 * The template that `npx serverless deploy` would send to CloudFormation, made anew as
 * `npm run package` makes it: without credentials, in an environment that holds nothing but PATH.
 *
 * @returns its path.
 * @throws with what the packaging printed, when it fails.
 */
export function packageFunctions(): string {
  const { PATH = "" } = process.env;
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [join(ROOT, "infra/functions/package.mjs")],
    { cwd: ROOT, env: { PATH, HOME: "/nonexistent" }, encoding: "utf8", timeout: TIMEOUT_MS },
  );
  if (status !== 0) throw error ?? new Error(`nothing was packaged:\n${stdout}${stderr}`);
  return join(ROOT, TEMPLATE);
}
