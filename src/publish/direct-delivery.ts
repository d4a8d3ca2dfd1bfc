import { expositionOf } from "../push/body.ts";
import type { PushClient } from "../push/client.ts";
import type { Delivery } from "./delivery.ts";

/**
 * Pushes each report straight to the gateway, as the run's own group.
 *
 * A success is PUT: it replaces the whole group, so what the run before reported and this one did
 * not is gone. A failure, and a start, is POSTed with the run-status families alone: the last
 * success time and the last good results stay. Counters are this run's own, not totals.
 */
export function createDirectDelivery(client: PushClient): Delivery {
  return async (report, signal) => {
    const { groupingKey, status } = report;
    const complete = report.type === "completion" && report.outcome === "succeeded";
    const families = complete ? [...report.results, ...status] : status;
    const body = expositionOf(groupingKey, families);
    const receipt = complete
      ? await client.push(groupingKey, body, { signal })
      : await client.pushAdd(groupingKey, body, { signal });
    return {
      status: "delivered",
      verb: complete ? "PUT" : "POST",
      groupingKey,
      gateway: client.gateway,
      series: body.series,
      seconds: receipt.seconds,
      ...(receipt.status === "unchecked" ? { unchecked: true } : {}),
    };
  };
}
