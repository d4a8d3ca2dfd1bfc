import type { PushClient } from "../push/client.ts";
import { catalogueGaugeKind } from "../record/record-family.ts";
import type { Delivery } from "./delivery.ts";
import { createDirectPush, isCounting } from "./direct-push.ts";

/**
 * Pushes each report straight to the gateway, as the run's own group: for those who can keep no
 * ledger (`CLOSING_BELL_LEDGER=none`). Counters and histograms are left out, and named in the report:
 * those of one run are no totals.
 *
 * A success is PUT: it replaces the whole group, so what the run before reported and this one did
 * not is gone. A failure, and a start, is POSTed with the run's times and the gauges of kind status:
 * the last success time and the last good results stay. So is what was set late; nothing is sent when
 * there is none.
 */
export function createDirectDelivery(client: PushClient): Delivery {
  const push = createDirectPush({ client });
  return async (report, signal) => {
    const { groupingKey } = report;
    const status = report.type === "late" ? [] : report.status;
    const results = report.type === "start" ? [] : report.results;
    const complete = report.type === "completion" && report.outcome === "succeeded";
    const verb = complete ? "PUT" : "POST";
    const all = [...status, ...results];
    const families = all.filter((family) => {
      return !isCounting(family) && (complete || catalogueGaugeKind(family.name) === "status");
    });
    const leftOut = all.filter(isCounting).map(({ name }) => name);
    const head = { status: "delivered", verb, groupingKey, gateway: client.gateway } as const;
    if (report.type === "late" && families.length === 0) {
      return { ...head, series: 0, seconds: 0, leftOut };
    }
    const { series, seconds, ...receipt } = await push(groupingKey, families, { verb, signal });
    return {
      ...head,
      series,
      seconds,
      leftOut,
      ...(receipt.status === "unchecked" ? { unchecked: true } : {}),
    };
  };
}
