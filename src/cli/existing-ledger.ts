import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, readConfig } from "../config/config.ts";
import { configuredLedger } from "../default-delivery.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Io } from "./io.ts";
import { fetchedSources, type GatewayFlags } from "./target.ts";

/**
 * The configured ledger, if there is one already: a look at a gateway makes none.
 *
 * @throws {ConfigError} for a bad configuration.
 */
export async function existingLedger(
  flags: Pick<GatewayFlags, "gateway" | "config">,
  io: Io,
): Promise<{ readonly config: Config; readonly ledger: Ledger | undefined }> {
  const config = readConfig(await fetchedSources(flags, io));
  const { ledger: place } = config;
  if (place.type === "none") return { config, ledger: undefined };
  // A table is made by whoever names it, and holds a ledger from then on.
  const isThere = place.type !== "files" || existsSync(join(place.directory, "ledger.json"));
  return { config, ledger: isThere ? await configuredLedger(place) : undefined };
}
