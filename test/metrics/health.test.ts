import { describe, expect, test } from "@jest/globals";
import { withMetricSet } from "../../src/metrics/current.ts";
import { updateSystemHealth } from "../../src/metrics/health.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

describe("updateSystemHealth", () => {
  test("sets what is given", () => {
    const set = createMetricSet();
    withMetricSet(set, () =>
      updateSystemHealth({
        uptimeSeconds: 12.5,
        timescaleConnected: true,
        redisConnected: false,
        killSwitchActive: false,
      }),
    );
    expect([...exposed(set)].sort()).toEqual([
      "kill_switch_status 0",
      "redis_connection_status 0",
      "system_uptime_seconds 12.5",
      "timescale_connection_status 1",
    ]);
  });

  test("leaves out what is unknown, and never calls it disconnected", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      updateSystemHealth({});
      updateSystemHealth({ redisConnected: true, timescaleConnected: undefined } as object);
    });
    expect(exposed(set)).toEqual(["redis_connection_status 1"]);
  });

  test.each<{ name: string; health: unknown; refusal: RegExp }>([
    {
      name: "an uptime of NaN",
      health: { redisConnected: false, uptimeSeconds: Number.NaN },
      refusal: /not a valid number: NaN/,
    },
    {
      name: "a flag that is a number",
      health: { uptimeSeconds: 1, killSwitchActive: 0 },
      refusal: /^updateSystemHealth: killSwitchActive must be a boolean, got number$/,
    },
    {
      name: "a flag that is null",
      health: { uptimeSeconds: 1, timescaleConnected: null },
      refusal: /timescaleConnected must be a boolean/,
    },
    {
      name: "a name that it has not",
      health: { uptimeSeconds: 1, redisConected: true },
      refusal: /unknown key "redisConected"; did you mean "redisConnected"/,
    },
    { name: "nothing", health: undefined, refusal: /undefined/ },
  ])("refuses the whole of it for $name", ({ health, refusal }) => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      updateSystemHealth({ redisConnected: true });
      updateSystemHealth(health as object);
    });
    expect(exposed(set)).toEqual([
      "redis_connection_status 1",
      "closing_bell_refused_updates_total 1",
    ]);
    expect(set.refusals()).toEqual([expect.stringMatching(refusal)]);
  });
});
