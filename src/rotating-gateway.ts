import type { Config, ConfigSources } from "./config/config.ts";
import type { ParameterStore } from "./config/ssm/parameter-store.ts";
import { renewCredentials } from "./config/ssm/renew-credentials.ts";
import { type Connection, configuredClient } from "./default-delivery.ts";
import type { PushClient } from "./push/client.ts";
import { createRotatingClient } from "./push/rotating-client.ts";

/**
 * A client of the configured gateway that takes over credentials which were changed in SSM, without a
 * redeploy: when the gateway refuses it, and no more often than the store refreshes.
 */
export function rotatingClient(
  { credentials, ...gateway }: NonNullable<Config["gateway"]>,
  { sources, store }: { readonly sources: ConfigSources; readonly store: ParameterStore },
  connection: Connection = {},
): PushClient {
  return createRotatingClient({
    ...(credentials === undefined ? {} : { credentials }),
    connect: (current) => {
      const known = current === undefined ? {} : { credentials: current };
      return configuredClient({ ...gateway, ...known }, connection);
    },
    renew: renewCredentials(sources, store, gateway.base),
  });
}
