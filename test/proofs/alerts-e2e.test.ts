import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { PROGRAM } from "../cli/start-cli.ts";
import { type StackProgram, startProgram } from "../e2e/stack-programs.ts";
import { alertmanagerOnLoopback, prometheusOnLoopback } from "../prometheus/on-loopback.ts";
import { type Notification, type Receivers, startReceivers } from "../prometheus/receivers.ts";
import { RULES_SCALE, writeScaledRules } from "../prometheus/scaled-rules.ts";
import { shipped } from "../prometheus/shipped.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import { runCli } from "../support/cli.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { printTable } from "../support/print-table.ts";
import { type RealPrometheus, startConfiguredPrometheus } from "../support/prometheus.ts";
import { describeWithServer, type RealServer, startRealPushgateway } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

/*
 * From a kill switch, an account and a job to a pager, Slack and a mailbox: the command that users run,
 * a real Pushgateway, Prometheus with the shipped rules, Alertmanager with the shipped routes, inhibition
 * and templates. Changed are addresses, and times: a minute is a second, and what may be old for days six
 * seconds. Over 250 lines: the steps follow each other, each test is one, and they share their servers.
 */

jest.setTimeout(150_000);

const INTERVAL_MS = 250;
const LIVE = { job: "portfolio_reporter", mode: "live" };
const BACKTEST = { job: "backtest", mode: "backtest" };

describeWithServer(
  "pushgateway",
  "prometheus",
  "alertmanager",
)("alerts, end to end", () => {
  const latencies: [step: string, seconds: string][] = [];
  const broker = { equity: "100000", isHalted: false };
  let folder: string;
  let source: TestServer;
  let gateway: RealServer;
  let receivers: Receivers;
  let alertmanager: RealServer;
  let prometheus: RealPrometheus;
  let reporter: StackProgram;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "closing-bell-alerts-"));
    source = await serve((_, response) => {
      response.end(JSON.stringify({ equity: broker.equity, halted: broker.isHalted }));
    });
    [gateway, receivers] = await Promise.all([startRealPushgateway(), startReceivers()]);
    alertmanager = await startAlertmanager(
      alertmanagerOnLoopback({ receivers, folder, scale: RULES_SCALE }),
    );
    const rules = writeScaledRules(join(folder, "rules"));
    prometheus = await startConfiguredPrometheus({
      configuration: (address) =>
        prometheusOnLoopback({
          rules,
          intervalMs: INTERVAL_MS,
          targets: {
            pushgateway: gateway.url.host,
            // No trading system runs here.
            "ai-trading-system": "127.0.0.1:1",
            prometheus: address,
            alertmanager: alertmanager.url.host,
          },
        }),
      args: ["--rules.alert.resend-delay=1s"],
    });
    writeFileSync(join(folder, "closing-bell.json"), JSON.stringify(reporterConfig(source.url)));
    environment = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: stateDirectory(),
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    };
    reporter = startReporter();
  }, 60_000);

  afterAll(async () => {
    printTable("alerts, end to end", ["step", "seconds"], latencies);
    await reporter?.stop();
    await Promise.all([prometheus?.stop(), alertmanager?.stop(), gateway?.stop()]);
    await Promise.all([receivers?.close(), source?.close()]);
    removeStateDirectories();
    rmSync(folder, { recursive: true });
  });

  let environment: Readonly<Record<string, string>> = {};

  const startReporter = () => {
    const { PATH = "" } = process.env;
    return startProgram(
      [PROGRAM, "report", "--config", join(folder, "closing-bell.json"), "--every", "1s"],
      { env: { PATH, HOME: folder, ...environment }, onLine: () => {} },
    );
  };

  const runBacktest = () =>
    runCli(
      ["run", "-j", "backtest", "-g", "strategy=momentum-20d", "-g", "mode=backtest", "--", "true"],
      { env: environment },
    );

  /** Waits for a notification that comes after this call, and notes how long it took. */
  async function timed(step: string, wanted: Wanted): Promise<Notification> {
    const began = performance.now();
    const found = await receivers.notification((each) => each.at > began && is(each, wanted));
    latencies.push([step, ((found.at - began) / 1000).toFixed(2)]);
    return found;
  }

  /** Alertmanager's own word on an alert, once it is `state`. */
  async function stateOf(alertname: string, state: "active" | "suppressed"): Promise<ApiAlert> {
    for (;;) {
      const alerts = await apiAlerts(alertmanager.url);
      const found = alerts.find((each) => each.labels["alertname"] === alertname);
      if (found?.status.state === state) return found;
      await pause(50);
    }
  }

  test("the heartbeat arrives, with its secret", async () => {
    await timed("start to the heartbeat", { receiver: "heartbeat", alertname: "Watchdog" });

    const { authorization } = await receivers.message(({ service }) => service === "heartbeat");
    expect(authorization).toBe("Bearer secret");
  });

  test("a kill switch calls the pager at once, and Slack; released, both are told", async () => {
    // From here on the job is on its way to being overdue.
    expect((await runBacktest()).code).toBe(0);
    broker.isHalted = true;
    const alertname = "KillSwitchActivated";
    await timed("kill switch pressed to the pager", { receiver: "pager", alertname, ...LIVE });
    broker.isHalted = false;
    await timed("kill switch released to the pager", {
      receiver: "pager",
      status: "resolved",
      alertname,
    });

    const page = await receivers.message(({ service, body }) => {
      return service === "pagerduty" && body.includes(alertname);
    });
    expect(JSON.parse(page.body)).toMatchObject({
      routing_key: "secret",
      event_action: "trigger",
      payload: {
        severity: "critical",
        summary: `[FIRING] ${alertname} of portfolio_reporter`,
        class: alertname,
        component: "portfolio_reporter",
        custom_details: { firing: expect.stringMatching(/job {8}portfolio_reporter\n.*since/s) },
      },
    });
  });

  test("a job that is dead is told to Slack, with all that whoever reads it needs", async () => {
    const alertname = "JobStale";
    const stale = await receivers.notification((each) => is(each, { alertname, ...BACKTEST }));
    expect(stale).toMatchObject({ receiver: "slack", labels: { severity: "warning" } });

    const { body } = await receivers.message(({ service, body }) => {
      return service === "slack" && body.includes("JobStale");
    });
    const { channel, attachments } = JSON.parse(body);
    expect(channel).toBe("#trading-alerts");
    expect(attachments).toHaveLength(1);
    expect(attachments[0]).toMatchObject({
      title: "[FIRING] JobStale of backtest",
      color: "warning",
    });
    expect(attachments[0].text).toMatch(/^\*backtest last completed a run .* ago\.\*\n/);
    expect(attachments[0].text).toMatch(
      /\njob `backtest` · (?:value .* · )?warning · since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n/,
    );
    expect(attachments[0].text).toMatch(/<http\S*JobStale\S*\|Runbook> · <http\S*\|Dashboard>/);

    const ran = await runBacktest();
    expect(ran.code).toBe(0);
    await timed("dead job runs again to Slack", {
      receiver: "slack",
      status: "resolved",
      alertname,
      ...BACKTEST,
    });
    await timed("job dies to Slack", { receiver: "slack", alertname, ...BACKTEST });
    expect(receivers.notifications.filter((each) => each.labels["job"] === "backtest")).not.toEqual(
      expect.arrayContaining([expect.objectContaining({ receiver: "pager" })]),
    );
  });

  test("a silent reporter calls the pager, and hides the threshold on its numbers", async () => {
    broker.equity = "80000";
    await timed("drawdown of 20 % to Slack", {
      receiver: "slack",
      alertname: "LargeDrawdown",
      ...LIVE,
    });
    await reporter.stop();
    await timed("reporter ends to the pager", {
      receiver: "pager",
      alertname: "ReporterStale",
      ...LIVE,
    });

    const hidden = await stateOf("LargeDrawdown", "suppressed");
    const stale = await stateOf("ReporterStale", "active");
    expect(hidden.status.inhibitedBy).toContain(stale.fingerprint);
  });

  test("a gateway that is down hides the jobs behind it, and no kill switch", async () => {
    broker.isHalted = true;
    reporter = startReporter();
    await timed("reporter is back to the pager", {
      receiver: "pager",
      status: "resolved",
      alertname: "ReporterStale",
    });
    await stateOf("KillSwitchActivated", "active");
    await stateOf("JobStale", "active");
    await gateway.stop();
    await timed("gateway dies to the pager", { receiver: "pager", alertname: "PushgatewayDown" });

    const { status } = await stateOf("JobStale", "suppressed");
    const down = await stateOf("PushgatewayDown", "active");
    expect(status.inhibitedBy).toContain(down.fingerprint);
    expect((await stateOf("KillSwitchActivated", "active")).status.inhibitedBy).toEqual([]);
  });

  test("what can wait is a mail", async () => {
    // The job is overdue again and again by now.
    const { labels } = await receivers.notification(({ receiver }) => receiver === "email-digest");
    const { body } = await receivers.message(({ service }) => service === "mail");

    expect(labels).toMatchObject({ alertname: "JobFreshnessBudgetBurn", severity: "info" });
    const text = decoded(body);
    expect(text).toMatch(/^Subject: Trading monitoring: \d+ remarks?$/m);
    expect(text).toMatch(/^To: trading@example\.com$/m);
    expect(text).toMatch(/^ {2}job {8}backtest\n {2}value {6}\S+%\n {2}since {6}\d{4}-/m);
    expect(text).toContain("<td>JobFreshnessBudgetBurn</td>\n<td>backtest</td>");
    expect(text).toMatch(/<a href="http\S*JobFreshnessBudgetBurn\S*">runbook<\/a> <a href="http/);
  });

  test("no rule failed, and every alert went where its severity says", async () => {
    const answer = await fetch(new URL("/api/v1/rules", prometheus.url));
    const { data } = (await answer.json()) as { readonly data: ApiRules };
    const rules = data.groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(40);
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);

    const wrong = receivers.notifications.filter(
      ({ receiver, labels: { severity } }) => !RECEIVERS[severity ?? ""]?.includes(receiver),
    );
    expect(wrong).toEqual([]);
    const names = new Set(receivers.notifications.map(({ labels }) => labels["alertname"]));
    latencies.push([`${names.size} alerts, ${receivers.notifications.length} notifications`, ""]);
  });
});

/** By severity. */
const RECEIVERS: Readonly<Record<string, readonly string[]>> = {
  critical: ["pager", "slack"],
  warning: ["slack"],
  info: ["email-digest"],
  none: ["heartbeat"],
};

type Wanted = {
  readonly receiver?: string;
  readonly status?: Notification["status"];
} & Readonly<Record<string, string>>;

function is(notification: Notification, { receiver, status = "firing", ...labels }: Wanted) {
  return (
    (receiver === undefined || notification.receiver === receiver) &&
    notification.status === status &&
    Object.entries(labels).every(([name, value]) => notification.labels[name] === value)
  );
}

type ApiAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly status: { readonly state: string; readonly inhibitedBy: readonly string[] };
};

async function apiAlerts(url: URL): Promise<readonly ApiAlert[]> {
  const answer = await fetch(new URL("/api/v2/alerts", url));
  return (await answer.json()) as readonly ApiAlert[];
}

type ApiRules = {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
    }[];
  }[];
};

/** Of quoted-printable text. */
function decoded(mail: string): string {
  return mail.replaceAll("=\r\n", "").replaceAll("=3D", "=").replaceAll("\r\n", "\n");
}

/** The shipped job catalogue, and an account and a kill switch behind one URL. */
function reporterConfig(url: URL): unknown {
  return {
    ...JSON.parse(readFileSync(shipped("closing-bell.json"), "utf8")),
    sources: {
      mode: "live",
      currency: "USD",
      timeZone: "America/New_York",
      startCapital: 100_000,
      portfolio: { type: "http", url: url.href, fields: { equity: "equity" } },
      probes: { killSwitch: { value: { type: "http", url: url.href, path: "halted" } } },
    },
  };
}
