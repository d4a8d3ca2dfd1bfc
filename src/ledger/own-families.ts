import { runCatalogue } from "../metrics/catalogue.ts";
import type { CounterDefinition } from "../metrics/definition.ts";

/** What the ledger tells about itself in every group that has something to tell. */
export const ledgerCatalogue = {
  droppedLabelSetsTotal: runCatalogue.droppedLabelSetsTotal,
  rejectedRecordsTotal: {
    name: "closing_bell_rejected_records_total",
    type: "counter",
    help: "Total number of run records that could not be added to the totals (another type or other buckets)",
    labels: {},
    area: "run",
  },
} as const satisfies Readonly<Record<string, CounterDefinition>>;
