import { expect, test } from "@jest/globals";
import { amtool, receiversOf } from "../prometheus/amtool.ts";
import { ROUTES } from "../prometheus/routes.ts";
import { ALERTMANAGER_FILE, severitiesOf, shippedAlerts } from "../prometheus/shipped.ts";
import { printTable } from "../support/print-table.ts";
import { describeWithServer } from "../support/servers.ts";

describeWithServer("amtool")("routes of the shipped alerts", () => {
  const names = [...new Set(shippedAlerts().map(({ alert }) => alert))];
  const alerts = names.flatMap((alertname) =>
    [...severitiesOf(alertname)].map((severity) => ({ alertname, severity })),
  );

  test("lead where they are expected to, says amtool", async () => {
    const rows = await Promise.all(
      alerts.map(async ({ alertname, severity }) => ({
        alertname,
        severity,
        expected: ROUTES[alertname]?.[severity],
        routed: await receiversOf(ALERTMANAGER_FILE, { alertname, severity, job: "any" }),
      })),
    );
    const right = rows.filter(({ expected, routed }) => routed === expected);
    printTable(
      `routes ${right.length}/${rows.length}`,
      ["alert", "severity", "receivers"],
      rows.map(({ alertname, severity, routed }) => [alertname, severity, routed]),
    );

    expect(rows.filter(({ expected, routed }) => routed !== expected)).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(22);
  });

  test("of what has no severity, or an unknown one, lead to Slack", async () => {
    expect(await receiversOf(ALERTMANAGER_FILE, { alertname: "New" })).toBe("slack");
    expect(await receiversOf(ALERTMANAGER_FILE, { alertname: "New", severity: "page" })).toBe(
      "slack",
    );
  });

  test("of what is to be told to nobody lead nowhere", async () => {
    expect(await receiversOf(ALERTMANAGER_FILE, { alertname: "New", severity: "none" })).toBe(
      "null",
    );
  });

  test("amtool itself fails for another expectation", async () => {
    const route = ["config", "routes", "test", `--config.file=${ALERTMANAGER_FILE}`];
    const labels = ["alertname=KillSwitchActivated", "severity=critical"];

    await amtool(...route, "--verify.receivers=pager,slack", ...labels);
    await expect(amtool(...route, "--verify.receivers=slack", ...labels)).rejects.toMatchObject({
      code: 1,
    });
  });
});
