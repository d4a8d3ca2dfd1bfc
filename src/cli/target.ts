import type { Command } from "commander";
import { type Config, type ConfigSources, readConfig } from "../config/config.ts";
import { createParameterStore } from "../config/ssm/parameter-store.ts";
import { withParameters } from "../config/ssm/with-parameters.ts";
import { configuredLedger, configuredPublisher } from "../default-delivery.ts";
import { configuredClient, NO_GATEWAY } from "../default-gateway.ts";
import { type GroupingKey, groupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { PushClient } from "../push/client.ts";
import type { Lookup } from "../push/exchange.ts";
import { type Io, UsageError } from "./io.ts";

/** Flags of every command that reaches a gateway. */
export type GatewayFlags = {
  readonly gateway?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
};

/** Flags of every command that names a group. */
export type GroupFlags = GatewayFlags & {
  readonly job: string;
  readonly grouping: Readonly<Record<string, string>>;
};

export function addGatewayFlags(command: Command): Command {
  return command
    .option("--gateway <url>", "base URL of the Pushgateway (or PUSHGATEWAY_URL)")
    .option("--config <file>", "configuration instead of ./closing-bell.json")
    .option("--quiet", "say nothing but errors");
}

export function addGroupFlags(command: Command): Command {
  return addGatewayFlags(command)
    .requiredOption("-j, --job <name>", "job: the group's job label")
    .addOption(
      command
        .createOption("-g, --grouping <name=value>", "further grouping label (repeatable)")
        .argParser(addLabel)
        .default({}, "none"),
    );
}

/** `name=value`, gathered into one object. */
function addLabel(pair: string, labels: Record<string, string>): Record<string, string> {
  const at = pair.indexOf("=");
  const name = pair.slice(0, at);
  if (at < 1) throw new UsageError(`--grouping ${pair}: expected NAME=VALUE`);
  if (Object.hasOwn(labels, name)) throw new UsageError(`--grouping ${name} is given twice`);
  return { ...labels, [name]: pair.slice(at + 1) };
}

/** How every command finds a gateway by its name. Loaded when there is a name to look up. */
export const lookup: Lookup = async (host, signal) => {
  const { lookupHost } = await import("./lookup.ts");
  return lookupHost(host, signal);
};

/** Exactly the group that the flags name: `push` and `delete` never add a label. */
export function groupOf({ job, grouping }: GroupFlags): GroupingKey {
  return groupingKey(job, grouping);
}

export function sourcesOf({ gateway, config }: GatewayFlags, { env, cwd }: Io) {
  return {
    env,
    cwd,
    ...(gateway === undefined ? {} : { gatewayUrl: gateway }),
    ...(config === undefined ? {} : { configPath: config }),
  };
}

/** One for all that a command reads. It loads and asks nothing until a configuration needs it to. */
const parameterStore = createParameterStore();

/** The same, with the parameters of SSM that the way to the gateway needs. */
export function fetchedSources(
  flags: Pick<GatewayFlags, "gateway" | "config">,
  io: Io,
): Promise<ConfigSources> {
  return withParameters(sourcesOf(flags, io), parameterStore, { parts: ["gateway"] });
}

/**
 * The ledger that runs deliver to, and the configuration that names it.
 *
 * @throws {ConfigError} for a bad configuration; {UsageError} when it names no ledger.
 */
export async function ledgerOf(
  flags: Pick<GatewayFlags, "gateway" | "config">,
  io: Io,
): Promise<{ readonly config: Config; readonly ledger: Ledger }> {
  const config = readConfig(await fetchedSources(flags, io));
  if (config.ledger.type === "none") {
    throw new UsageError(
      "CLOSING_BELL_LEDGER, or ledger in closing-bell.json, is none: there is no ledger",
    );
  }
  return { config, ledger: await configuredLedger(config.ledger) };
}

/**
 * Takes that ledger's totals to that gateway.
 *
 * @throws {UsageError} when there is no gateway.
 */
export async function publisherOf(config: Config, ledger: Ledger): Promise<Publisher> {
  if (config.gateway === undefined) throw new UsageError(NO_GATEWAY);
  const client = configuredClient(config.gateway, { lookup });
  return configuredPublisher(config, { ledger, client });
}

/** @throws {ConfigError} for a bad configuration; {UsageError} when it names no gateway. */
export async function clientOf(flags: GatewayFlags, io: Io): Promise<PushClient> {
  const { gateway } = readConfig(await fetchedSources(flags, io));
  if (gateway === undefined) throw new UsageError(NO_GATEWAY);
  return configuredClient(gateway, { lookup });
}
