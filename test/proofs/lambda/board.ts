import type { Invocation } from "../../support/lambda-runtime.ts";
import { printTable } from "../../support/print-table.ts";

export type Row = {
  readonly case: string;
  /** In the order in which they were made. */
  readonly invocations: readonly Invocation[];
  /** Outcomes of records that were appended. */
  readonly recorded: readonly string[];
  /** What reached the gateway, in words. */
  readonly gateway: string;
};

const rows: Row[] = [];

/** Keeps what a case came to, for the table at the end. */
export function note(row: Row): void {
  rows.push(row);
}

export function printBoard(): void {
  printTable(
    "Functions under Lambda's own runtime client on Node 24",
    ["case", "Lambda sees", "recorded", "used", "on the gateway"],
    rows.map(({ case: name, invocations, recorded, gateway }) => [
      name,
      grouped(invocations.map(seenByLambda)),
      recorded.length === 0 ? "nothing" : grouped(recorded),
      usedBy(invocations),
      gateway,
    ]),
  );
}

function seenByLambda({ status, body }: Invocation): string {
  if (status !== "threw") return status;
  return `threw ${(body as { readonly errorType: string }).errorType}`;
}

/** `succeeded, 2 x failed` */
function grouped(words: readonly string[]): string {
  return [...new Set(words)]
    .map((word) => [words.filter((each) => each === word).length, word] as const)
    .map(([count, word]) => (count === 1 ? word : `${count} x ${word}`))
    .join(", ");
}

/** Of several the longest; with the start of the process, where there was one. */
function usedBy(invocations: readonly Invocation[]): string {
  const longest = Math.max(...invocations.map(({ usedMs }) => usedMs));
  const inits = invocations.flatMap(({ initMs }) => initMs ?? []);
  const init = inits.length === 0 ? "" : `, after ${Math.max(...inits).toFixed(0)} of init`;
  const most = invocations.length === 1 ? "" : "at most ";
  return `${most}${longest.toFixed(0)} ms${init}`;
}
