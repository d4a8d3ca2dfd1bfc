import { refuseUnknownKeys } from "../options.ts";
import { catalogue } from "./catalogue.ts";
import { finite } from "./instruments/value.ts";
import { boolean, report } from "./report.ts";

/** How the system stands. What is left out is unknown and not reported. */
export type SystemHealth = {
  /** Of the monitored application, seconds. */
  readonly uptimeSeconds?: number;
  readonly timescaleConnected?: boolean;
  readonly redisConnected?: boolean;
  /** True: trading is halted. */
  readonly killSwitchActive?: boolean;
};

const FLAGS = {
  timescaleConnected: catalogue.timescaleConnectionStatus,
  redisConnected: catalogue.redisConnectionStatus,
  killSwitchActive: catalogue.killSwitchStatus,
} as const;

/** Sets the health gauges that are given; one that is malformed refuses them all. */
export function updateSystemHealth(health: SystemHealth): void {
  report((set) => {
    refuseUnknownKeys(health, ["uptimeSeconds", ...Object.keys(FLAGS)], "updateSystemHealth");
    const { uptimeSeconds } = health;
    if (uptimeSeconds !== undefined) finite(uptimeSeconds);
    const flags = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).flatMap((name) => {
      const value: unknown = health[name];
      if (value === undefined) return [];
      return [{ definition: FLAGS[name], value: boolean(`updateSystemHealth: ${name}`, value) }];
    });
    if (uptimeSeconds !== undefined) set.get(catalogue.systemUptimeSeconds).set(uptimeSeconds);
    for (const { definition, value } of flags) set.get(definition).set(value ? 1 : 0);
  });
}
