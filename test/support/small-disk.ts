import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type SmallDisk = {
  readonly path: string;
  /** Takes all room but so many kilobytes. */
  readonly fill: (freeKilobytes: number) => void;
  /** Gives the room back. */
  readonly free: () => void;
  readonly setReadOnly: (readOnly: boolean) => void;
  readonly remove: () => void;
};

/** Kilobytes. */
const SIZE = 2048;

/** A file system in memory, or undefined where mounting is not allowed. */
export function smallDisk(): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), "cb-disk-"));
  const mount = (...args: string[]) => execFileSync("mount", args, { stdio: "ignore" });
  try {
    mount("-t", "tmpfs", "-o", `size=${SIZE}k`, "closing-bell-test", path);
  } catch {
    rmSync(path, { recursive: true });
    return undefined;
  }
  const ballast = join(path, "ballast");
  return {
    path,
    fill(freeKilobytes) {
      const available = Number(
        execFileSync("df", ["--output=avail", "-k", path]).toString().split("\n")[1],
      );
      writeFileSync(ballast, Buffer.alloc(Math.max(0, available - freeKilobytes) * 1024, 1));
    },
    free: () => rmSync(ballast, { force: true }),
    setReadOnly: (readOnly) => mount("-o", `remount,${readOnly ? "ro" : "rw"}`, path),
    remove() {
      execFileSync("umount", [path]);
      rmSync(path, { recursive: true });
    },
  };
}
