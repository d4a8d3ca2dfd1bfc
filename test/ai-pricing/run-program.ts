import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a program of its own process prints. It has to end by itself, and well. */
export async function runProgram(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { env: { PATH: process.env["PATH"], ...env }, timeout: 30_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], options);
  return stdout;
}
