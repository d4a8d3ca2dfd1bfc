import type { Config, ConfigSources } from "./config/config.ts";
import type { ParameterStore } from "./config/ssm/parameter-store.ts";
import { renewCredentials } from "./config/ssm/renew-credentials.ts";
import type { Credentials } from "./gateway-url.ts";
import { createPushClient, type PushClient, type PushClientOptions } from "./push/client.ts";
import { createRotatingClient } from "./push/rotating-client.ts";

/** Said when there is no gateway to deliver to. */
export const NO_GATEWAY =
  "no gateway is configured: set PUSHGATEWAY_URL, or gateway.url in closing-bell.json";

/** How the gateway is reached, which is no matter of configuration. */
export type Connection = Pick<PushClientOptions, "lookup" | "timeoutMs">;

/** Where a configuration came from, to be asked again when the gateway refuses who we are. */
export type Renewal = { readonly sources: ConfigSources; readonly store: ParameterStore };

/**
 * A client of the gateway that the configuration names. With `renewal` it takes over credentials which
 * were changed in SSM, without a redeploy: when the gateway refuses it, and no more often than the
 * store refreshes.
 */
export function configuredClient(
  { base, credentials, ca }: NonNullable<Config["gateway"]>,
  connection: Connection = {},
  renewal?: Renewal,
): PushClient {
  const connect = (current: Credentials | undefined) =>
    createPushClient({
      ...connection,
      url: base,
      ...(current === undefined ? {} : { credentials: current }),
      ...(ca === undefined ? {} : { ca }),
    });
  if (renewal === undefined) return connect(credentials);
  return createRotatingClient({
    ...(credentials === undefined ? {} : { credentials }),
    connect,
    renew: renewCredentials(renewal.sources, renewal.store, base),
  });
}
