import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findServer, serverEnvironment } from "../support/servers.ts";

const run = promisify(execFile);

/** Runs amtool. @throws with what it printed when it does not end with 0. */
export async function amtool(...args: readonly string[]): Promise<string> {
  const env = serverEnvironment("amtool");
  const { stdout } = await run(findServer("amtool") ?? "", [...args], { env });
  return stdout;
}

/** Receivers that a label set is routed to, as `--verify.receivers` takes them. */
export async function receiversOf(
  configFile: string,
  labels: Readonly<Record<string, string>>,
): Promise<string> {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const output = await amtool("config", "routes", "test", `--config.file=${configFile}`, ...pairs);
  return output.trim();
}
