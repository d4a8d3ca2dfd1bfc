import type { Context } from "aws-lambda";
import { reportingHandler } from "../../src/lambda.ts";

/** A function whose body waits for nothing that could happen: only the deadline keeps it alive. */
const handler = reportingHandler({ job: "nightly" }, (_event, _context, { metrics }) => {
  metrics.agentAnalysesTotal.inc(3);
  return new Promise<never>(() => {});
});

const endsAt = performance.now() + Number(process.env["GIVEN_MS"]);
const context = { getRemainingTimeInMillis: () => endsAt - performance.now() };

void handler({}, context as Context);
