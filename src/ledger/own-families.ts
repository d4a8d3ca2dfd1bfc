import { runCatalogue } from "../metrics/catalogue.ts";
import type { Definition } from "../metrics/definition.ts";

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
  /** What `closing-bell serve --ledger` tells about itself. */
  ledgerScrapeErrorsTotal: {
    name: "closing_bell_ledger_scrape_errors_total",
    type: "counter",
    help: "Total number of runs, groups, families and values that scrapes of a served ledger went without",
    labels: { reason: ["fold", "read", "conflict", "note"] },
    area: "run",
  },
  /** Says whose totals a gateway shows, and how new: what is looked at before a push. */
  ledgerVersion: {
    name: "closing_bell_ledger_version",
    type: "gauge",
    kind: "status",
    help: "Version of the totals in this group, by the ledger that keeps them",
    labels: { ledger_id: "any" },
    area: "run",
  },
} as const satisfies Readonly<Record<string, Definition>>;
