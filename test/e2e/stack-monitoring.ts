import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alertmanagerOnLoopback, prometheusOnLoopback } from "../prometheus/on-loopback.ts";
import { type Notification, startReceivers } from "../prometheus/receivers.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import { startConfiguredPrometheus } from "../support/prometheus.ts";

export type Monitoring = { readonly prometheus: URL; readonly alertmanager: URL };

/** How often Prometheus scrapes and evaluates, in milliseconds. */
const INTERVAL_MS = 1000;

/**
 * Prometheus and Alertmanager with the shipped rules and routes, scraping every second.
 *
 * @param options.onNotification is told what a pager, Slack or a mailbox would have got.
 * @param options.atEnd is given what undoes each step, once it is done.
 */
export async function startMonitoring({
  pushgateway,
  tradingSystem,
  onNotification,
  atEnd,
}: {
  readonly pushgateway: URL;
  readonly tradingSystem: URL;
  readonly onNotification: (notification: Notification) => void;
  readonly atEnd: (undo: () => unknown) => void;
}): Promise<Monitoring> {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-stack-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const receivers = await startReceivers(onNotification);
  atEnd(receivers.close);
  const alertmanager = await startAlertmanager(alertmanagerOnLoopback({ receivers, folder }));
  atEnd(alertmanager.stop);
  const prometheus = await startConfiguredPrometheus({
    configuration: (address) =>
      prometheusOnLoopback({
        intervalMs: INTERVAL_MS,
        targets: {
          pushgateway: pushgateway.host,
          "ai-trading-system": tradingSystem.host,
          prometheus: address,
          alertmanager: alertmanager.url.host,
        },
      }),
    // An alert that was sent before Alertmanager was found comes again so soon.
    args: ["--rules.alert.resend-delay=1s"],
  });
  atEnd(prometheus.stop);
  return { prometheus: prometheus.url, alertmanager: alertmanager.url };
}
