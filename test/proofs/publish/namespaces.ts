import { spawnSync } from "node:child_process";
import { describe, test } from "@jest/globals";

/** Ways to start a command in a network of its own: for root, and for those who may become it. */
const WAYS = [
  ["unshare", "--net"],
  ["unshare", "--map-root-user", "--net"],
] as const;

/** The loopback interface of a new network is down. */
const LOOPBACK = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"] as const;

/** Starts the rest of its command line in a network namespace of its own; undefined where none may be made. */
export const ownNetwork: readonly string[] | undefined = WAYS.map((way) => [
  ...way,
  ...LOOPBACK,
]).find(([command = "", ...args]) => spawnSync(command, [...args, "true"]).status === 0);

/**
 * `describe` for tests that need network namespaces: says so where there are none, and fails there
 * where `CI` is set.
 */
export function describeWithNamespaces(title: string, tests: () => void): void {
  if (ownNetwork !== undefined) {
    describe(title, tests);
    return;
  }
  const missing = `${title}: needs a network namespace (unshare --net, ip link set lo up), and none may be made here`;
  const { CI } = process.env;
  if (CI) {
    test(missing, () => {
      throw new Error(missing);
    });
    return;
  }
  process.stderr.write(`\nLEFT OUT: ${missing}\n`);
  describe.skip(missing, tests);
}
