import { trackTrade } from "closing-bell";
import { reportingHandler } from "closing-bell/lambda";

type Fills = {
  readonly id: string;
  readonly fills: readonly { readonly ticker: string; readonly side: "BUY" | "SELL" }[];
};

/** Each invocation is a run, recorded before the handler returns. An event that comes twice counts once. */
export const handler = reportingHandler(
  { job: "fills", groupingKey: { mode: "paper" }, runId: (event: Fills) => event.id },
  async ({ fills }: Fills, _context, { signal }) => {
    for (const fill of fills) {
      signal.throwIfAborted();
      trackTrade(fill);
    }
    return { counted: fills.length };
  },
);
