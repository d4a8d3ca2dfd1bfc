import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { ConfigError } from "../errors.ts";
import type { Setting } from "./origin.ts";

/** Where the ledger is, or that there shall be none. */
export type LedgerPlace =
  | { readonly type: "files"; readonly directory: string }
  | { readonly type: "dynamodb"; readonly table: string }
  | { readonly type: "none" };

/** Where there is a ledger. */
export type RealLedgerPlace = Exclude<LedgerPlace, { readonly type: "none" }>;

/** What names a place, for messages. */
export const LEDGER_PLACES = "file:DIR, dynamodb:TABLE or none";

/** The place that a text names, its directory as written; undefined when it names none. */
export function parseLedgerPlace(text: string): LedgerPlace | undefined {
  if (text === "none") return { type: "none" };
  const [, table] = /^dynamodb:([A-Za-z0-9_.-]{3,255})$/.exec(text) ?? [];
  if (table !== undefined) return { type: "dynamodb", table };
  const [, directory] = /^file:(.+)$/s.exec(text) ?? [];
  return directory === undefined ? undefined : { type: "files", directory };
}

/** The text that names a place. */
export function ledgerPlaceText(place: LedgerPlace): string {
  switch (place.type) {
    case "files":
      return `file:${place.directory}`;
    case "dynamodb":
      return `dynamodb:${place.table}`;
    case "none":
      return "none";
    default:
      return place satisfies never;
  }
}

/**
 * What the environment says: `CLOSING_BELL_LEDGER` (`file:DIR`, `dynamodb:TABLE` or
 * `none`), else
 * `CLOSING_BELL_STATE_DIR`; undefined when it says nothing.
 *
 * @throws {ConfigError} for another kind of ledger, or a directory that is not absolute.
 */
export function environmentLedgerPlace(
  env: Readonly<Record<string, string | undefined>>,
): Setting<LedgerPlace> | undefined {
  const named = env["CLOSING_BELL_LEDGER"];
  if (named) {
    const place = parseLedgerPlace(named);
    if (place === undefined) {
      const got = JSON.stringify(named);
      throw new ConfigError([`CLOSING_BELL_LEDGER is ${got}; expected ${LEDGER_PLACES}`]);
    }
    return from("CLOSING_BELL_LEDGER", place);
  }
  const directory = env["CLOSING_BELL_STATE_DIR"];
  return directory ? from("CLOSING_BELL_STATE_DIR", { type: "files", directory }) : undefined;
}

/** The XDG state directory, `~/.local/state/closing-bell`. */
export function defaultLedgerPlace(
  env: Readonly<Record<string, string | undefined>>,
  home: string = homeOf(env),
): LedgerPlace {
  const xdg = env["XDG_STATE_HOME"];
  // The XDG specification has relative paths ignored.
  const state = xdg && isAbsolute(xdg) ? xdg : join(home, ".local", "state");
  return { type: "files", directory: join(state, "closing-bell") };
}

/** The home directory of whoever has this environment. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): string {
  return env["HOME"] || homedir();
}

function from(name: string, value: LedgerPlace): Setting<LedgerPlace> {
  if (value.type === "files" && !isAbsolute(value.directory)) {
    throw new ConfigError([
      `${name}: the directory must be absolute, got ${JSON.stringify(value.directory)}`,
    ]);
  }
  return { value, origin: { type: "environment", name } };
}
