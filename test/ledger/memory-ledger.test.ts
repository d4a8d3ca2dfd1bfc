import { createMemoryLedger } from "../support/memory-ledger.ts";
import { describeLedgerContract } from "./contract.ts";

// The contract holds for the simplest ledger there is, so that other tests may stand on it.
describeLedgerContract("a ledger in memory", async () => createMemoryLedger());
