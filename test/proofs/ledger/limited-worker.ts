import { ClosingBellError } from "../../../src/errors.ts";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import { counter, success } from "../../support/run-records.ts";

/** Appends a small record and one of about 100 KB, and tells how both went. For `ulimit -f`. */
const ledger = createFileLedger({ directory: process.argv[2] ?? "" });
const samples = Array.from({ length: 1500 }, (_, n) => ({ labels: { ticker: `T${n}` }, value: 1 }));
const large = { type: "counter", name: "large_total", samples } as const;
for (const record of [success("small", [counter("small_total", 1)]), success("large", [large])]) {
  try {
    process.stdout.write(`${(await ledger.append(record)).status}\n`);
  } catch (error) {
    process.stdout.write(`${error instanceof ClosingBellError ? error.code : error}\n`);
  }
}
