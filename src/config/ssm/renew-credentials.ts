import type { Credentials } from "../../gateway-url.ts";
import { type ConfigSources, readConfig } from "../config.ts";
import type { ParameterStore } from "./parameter-store.ts";
import { withParameters } from "./with-parameters.ts";

/**
 * Looks up anew who we are at a gateway, for when it refuses us: parameters are refreshed (as often as
 * the store allows) and the configuration is read again. Undefined when it has no credentials, or names
 * another gateway by now: theirs are not sent here.
 *
 * @param base of the gateway, as in the configuration.
 */
export function renewCredentials(
  sources: ConfigSources,
  store: ParameterStore,
  base: string,
): (signal?: AbortSignal) => Promise<Credentials | undefined> {
  return async (signal) => {
    const refreshed = await store.refresh(signal === undefined ? {} : { signal });
    if (refreshed.status === "failed") throw refreshed.error;
    const parts = ["gateway"] as const;
    const options = signal === undefined ? { parts } : { parts, signal };
    const { gateway } = readConfig(await withParameters(sources, store, options));
    return gateway?.base === base ? gateway.credentials : undefined;
  };
}
