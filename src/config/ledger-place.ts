import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { ConfigError } from "../errors.ts";

/** Where the ledger is, or that there shall be none. */
export type LedgerPlace =
  | { readonly type: "files"; readonly directory: string }
  | { readonly type: "none" };

/**
 * `CLOSING_BELL_LEDGER` (`file:DIR` or `none`), else `CLOSING_BELL_STATE_DIR`, else the XDG state
 * directory, `~/.local/state/closing-bell`.
 *
 * @throws {ConfigError} for another kind of ledger, or a directory that is not absolute.
 */
export function ledgerPlace(
  env: Readonly<Record<string, string | undefined>>,
  home: string = homedir(),
): LedgerPlace {
  const named = env["CLOSING_BELL_LEDGER"];
  if (named === "none") return { type: "none" };
  if (named) {
    const [, directory] = /^file:(.*)$/s.exec(named) ?? [];
    if (directory === undefined) {
      throw new ConfigError([`CLOSING_BELL_LEDGER is ${named}; expected file:DIR or none`]);
    }
    return inDirectory("CLOSING_BELL_LEDGER", directory);
  }
  const stateDirectory = env["CLOSING_BELL_STATE_DIR"];
  if (stateDirectory) return inDirectory("CLOSING_BELL_STATE_DIR", stateDirectory);
  const xdg = env["XDG_STATE_HOME"];
  // The XDG specification has relative paths ignored.
  const state = xdg && isAbsolute(xdg) ? xdg : join(home, ".local", "state");
  return { type: "files", directory: join(state, "closing-bell") };
}

function inDirectory(name: string, directory: string): LedgerPlace {
  if (isAbsolute(directory)) return { type: "files", directory };
  throw new ConfigError([
    `${name}: the directory must be absolute, got ${JSON.stringify(directory)}`,
  ]);
}
