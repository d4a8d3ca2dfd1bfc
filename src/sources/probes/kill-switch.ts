import { SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import type { Source } from "../source.ts";
import type { ValueSource } from "../value-source.ts";
import { quoteValue, readValue } from "./read-value.ts";

export type KillSwitchOptions = {
  /**
   * What a missing key means. `unknown`, the default: an error, for it may be that the data was lost.
   * `inactive`: the application deletes the key to let trading go on.
   */
  readonly absent?: "inactive" | "unknown";
  /** How long one reading may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
};

const SOURCE = "kill_switch";

/** Trading is halted. */
export const ACTIVE_WORDS = ["1", "true", "on", "yes", "active", "halted", "enabled"] as const;

/** Trading goes on. */
export const INACTIVE_WORDS = [
  "0",
  "false",
  "off",
  "no",
  "inactive",
  "running",
  "disabled",
] as const;

const MEANINGS: ReadonlyMap<string, boolean> = new Map([
  ...ACTIVE_WORDS.map((word) => [word, true] as const),
  ...INACTIVE_WORDS.map((word) => [word, false] as const),
]);

/**
 * Whether the application's kill switch is active: true when trading is halted. False is only what was
 * read as such: whatever cannot be read, or makes no sense, is an error.
 *
 * @throws {InvalidOptionError} for unknown options.
 */
export function createKillSwitch(
  value: ValueSource,
  options: KillSwitchOptions = {},
): Source<boolean> {
  refuseUnknownKeys(options, ["absent", "timeoutMs"], "createKillSwitch");
  const { absent = "unknown", timeoutMs } = options;
  return {
    name: SOURCE,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    async read(signal) {
      const text = await readValue(value, SOURCE, signal);
      if (text !== null) return parseKillSwitch(text, value.describe);
      if (absent === "inactive") return false;
      throw new SourceError(
        SOURCE,
        `${value.describe}: there is no such key. It may never have been set, or the data was lost (a restart, a flush), so nobody knows whether trading is halted. Set it to 0 or 1; if the application deletes it to let trading go on, say so: "absent": "inactive"`,
      );
    },
    ...(value.close === undefined ? {} : { close: value.close }),
  };
}

/**
 * Reads `1`, `halted`, `{"active": true, "reason": "daily_loss_limit"}` and their like, in any case.
 *
 * @param place where the text is from, for messages.
 * @throws {SourceError} for any other text, quoting its first 20 characters.
 */
export function parseKillSwitch(text: string, place: string): boolean {
  const trimmed = text.trim();
  const meaning = MEANINGS.get(trimmed.toLowerCase()) ?? fieldOf(trimmed);
  if (meaning !== undefined) return meaning;
  throw new SourceError(
    SOURCE,
    `${place}: ${quoteValue(trimmed)} does not say whether trading is halted; expected ${ACTIVE_WORDS.join(", ")} or ${INACTIVE_WORDS.join(", ")}, or a JSON object with one boolean "active" or "enabled"`,
  );
}

/** The boolean `active` or `enabled` of a JSON object. Both: they could disagree. */
function fieldOf(text: string): boolean | undefined {
  if (!text.startsWith("{")) return undefined;
  let parsed: Readonly<Record<string, unknown>>;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const present = ["active", "enabled"].filter((name) => Object.hasOwn(parsed, name));
  const [name] = present;
  const value = name !== undefined && present.length === 1 ? parsed[name] : undefined;
  return typeof value === "boolean" ? value : undefined;
}
