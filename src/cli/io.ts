import { readFile } from "node:fs/promises";
import { ClosingBellError, messageOf } from "../errors.ts";

/** Where a command writes. Data goes to standard output, everything else to standard error. */
export type Io = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  out(text: string): void;
  err(text: string): void;
};

/** The exit codes that scripts rely on. `run` has its own: the child's. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** The command line itself is wrong. */
export class UsageError extends ClosingBellError {
  override readonly name = "UsageError";
  readonly code = "ERR_USAGE";
}

/** A message may quote an argument, and a mistyped one may be a gateway's URL, password and all. */
export function withoutUserInfo(text: string): string {
  return text.replace(/(:\/+)[^\s"]*@/g, "$1***@");
}

/** Says what went wrong, and how a script shall take it: 1 for the gateway or the ledger, else 2. */
export function explainFailure(error: unknown, io: Io): number {
  if (error instanceof ClosingBellError) {
    io.err(`closing-bell: ${error.message}\n`);
    return /^ERR_(?:PUSH|LEDGER)/.test(error.code) ? EXIT.failed : EXIT.usage;
  }
  // A fault of ours: the stack is what a report of it needs.
  io.err(`closing-bell: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
  return EXIT.failed;
}

/** Standard input, or a file, as text. Bytes that are no UTF-8 are refused, not replaced. */
export async function readInput(file: string): Promise<string> {
  const name = file === "-" ? "standard input" : file;
  try {
    const bytes = await (file === "-" ? readStandardInput() : readFile(file));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
