import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { MixinFile } from "../../src/mixin/mixin.ts";
import { findServer, serverEnvironment } from "../support/servers.ts";

export type PromtoolResult = { readonly code: number | null; readonly output: string };

/** Runs promtool in a folder. */
export async function promtool(
  args: readonly string[],
  cwd: string | URL,
): Promise<PromtoolResult> {
  const command = findServer("promtool");
  if (command === undefined) throw new Error("no promtool found: npm run servers");
  const child = spawn(command, args, { cwd, env: serverEnvironment("promtool") });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}

/** Writes the files of a mixin into a new folder, lends it, and removes it. */
export async function withMixin<T>(
  files: readonly MixinFile[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-mixin-"));
  try {
    for (const { path, content } of files) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
