import { messageOf } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";

/**
 * What a scrape went without. `fold`: what is pending in a group could not be added, and its newest totals are
 * served without it. `read`: a group is left out. `note`: new label sets stay at 0.
 */
export type Lack = { readonly reason: "fold" | "read" | "note"; readonly message: string };

export type NoteLack = (
  reason: Lack["reason"],
  group: GroupingKey | undefined,
  error: unknown,
) => void;

/** The lacks of one scrape, as they are noted. */
export function collectLacks(): { readonly lacks: readonly Lack[]; readonly lack: NoteLack } {
  const lacks: Lack[] = [];
  return {
    lacks,
    lack(reason, group, error) {
      const where = group === undefined ? "" : `${formatGroupingKey(group)}: `;
      lacks.push({ reason, message: `${where}${WHAT[reason]}: ${messageOf(error)}` });
    },
  };
}

const WHAT: Readonly<Record<Lack["reason"], string>> = {
  fold: "served without the newest runs",
  read: "left out",
  note: "new series stay at 0",
};
