import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, readConfig } from "../config/config.ts";
import { configuredLedger } from "../default-delivery.ts";
import type { FileLedger } from "../ledger/file-ledger.ts";
import type { Io } from "./io.ts";
import { type GatewayFlags, sourcesOf } from "./target.ts";

/**
 * The configured ledger, if there is one already: a look at a gateway makes none.
 *
 * @throws {ConfigError} for a bad configuration.
 */
export async function existingLedger(
  flags: Pick<GatewayFlags, "gateway" | "config">,
  io: Io,
): Promise<{ readonly config: Config; readonly ledger: FileLedger | undefined }> {
  const config = readConfig(sourcesOf(flags, io));
  const { ledger: place } = config;
  const isThere = place.type === "files" && existsSync(join(place.directory, "ledger.json"));
  return { config, ledger: isThere ? await configuredLedger(place) : undefined };
}
