import { type Config, type ConfigSources, readConfig } from "./config/config.ts";
import type { Delivery } from "./publish/delivery.ts";
import { createDirectDelivery } from "./publish/direct-delivery.ts";
import { createPushClient, type PushClient } from "./push/client.ts";
import type { RunDependencies } from "./run/open-run.ts";
import { createRunJob } from "./run/run-job.ts";

/** Said when there is no gateway to deliver to. */
export const NO_GATEWAY =
  "no gateway is configured: set PUSHGATEWAY_URL, or gateway.url in closing-bell.json";

/**
 * What a run needs, from the configuration. It is read at the first use and once; a configuration
 * that cannot be read refuses the report, never the run.
 */
export function configuredRuns(sources: () => ConfigSources): RunDependencies {
  let config: Config | undefined;
  let delivery: Delivery | undefined;
  const configuration = () => {
    config ??= readConfig(sources());
    return config;
  };
  return {
    jobEntry: (job) => {
      const { jobs } = configuration();
      return Object.hasOwn(jobs, job) ? jobs[job] : undefined;
    },
    delivery: async (report, signal) => {
      delivery ??= deliveryOf(configuration());
      return delivery(report, signal);
    },
  };
}

function deliveryOf({ gateway }: Config): Delivery {
  if (gateway === undefined) return async () => ({ status: "disabled", reason: NO_GATEWAY });
  return createDirectDelivery(configuredClient(gateway));
}

/** A client of the gateway that the configuration names. */
export function configuredClient({
  base,
  credentials,
  ca,
}: NonNullable<Config["gateway"]>): PushClient {
  return createPushClient({
    url: base,
    ...(credentials === undefined ? {} : { credentials }),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** `runJob` and `settleJob` as the environment configures them. */
export const { runJob, settleJob } = createRunJob(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);
