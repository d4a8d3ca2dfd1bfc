import { readSettings, type Settings } from "../config/config.ts";
import type { GatewaySettings } from "../config/gateway-settings.ts";
import { ledgerPlaceText } from "../config/ledger-place.ts";
import { type Origin, originText, type Setting } from "../config/origin.ts";
import type { SourcesSettings } from "../config/sources-schema.ts";
import { ConfigError } from "../errors.ts";
import { EXIT, explainFailure, type Io, withoutUserInfo } from "./io.ts";
import { fetchedSources, type GatewayFlags } from "./target.ts";

export type ConfigFlags = Pick<GatewayFlags, "gateway" | "config" | "json"> & {
  /** Say where each value came from. */
  readonly origin?: boolean;
};

/** One setting, fit to print: a secret is only ever `set`. */
type Row = {
  /** As in closing-bell.json. */
  readonly name: string;
  /** Null when it is not set. */
  readonly value: unknown;
  readonly origin: Origin;
};

/** What is printed of a secret. */
const SECRET = "set";

const NOT_SET: Setting<null> = { value: null, origin: { type: "default" } };

/** Shows every setting as it is in effect. 2 when there is a problem with one; the others are shown. */
export async function showConfig(flags: ConfigFlags, io: Io): Promise<number> {
  const settings = readSettings(await fetchedSources(flags, io));
  const problems = settings.problems.map(withoutUserInfo);
  const files = settings.files.map(({ path, status, origin }) => {
    return { path: withoutUserInfo(path), status, origin };
  });
  const rows = rowsOf(settings);
  if (flags.json) io.out(`${JSON.stringify({ settings: rows, files, problems })}\n`);
  else {
    const named = files.map(({ path, status, origin }, index) => {
      const name = index === 0 ? "project file" : "user file";
      return { name, value: `${path} (${status})`, origin };
    });
    io.out(table([...rows, ...(flags.origin ? named : [])], flags.origin ?? false));
  }
  return problems.length === 0 ? EXIT.done : explainFailure(new ConfigError(problems), io);
}

function rowsOf(settings: Settings): Row[] {
  const { gateway, ledger, publish, scrapeIntervalSeconds, jobs, aiPrices } = settings;
  const { sources, prune } = settings;
  return [
    ...(gateway === undefined ? [] : gatewayRows(gateway)),
    ...rowOf("ledger", ledger && { ...ledger, value: ledgerPlaceText(ledger.value) }),
    ...rowOf("publish", publish),
    ...rowOf("scrapeIntervalSeconds", scrapeIntervalSeconds),
    ...Object.entries(jobs).flatMap(([name, job]) => rowOf(`jobs.${plainName(name)}`, job)),
    ...Object.entries(aiPrices).flatMap(([model, price]) =>
      rowOf(`aiPrices.${plainName(model)}`, price),
    ),
    ...(sources === undefined ? [] : sourceRows(sources)),
    ...rowOf("prune", prune),
  ];
}

/** Where portfolio and health are read, by kind: places and queries may hold what nobody shall see. */
function sourceRows({ value, origin }: Setting<SourcesSettings>): Row[] {
  const { portfolio, probes: { timescale, redis, killSwitch, appStart } = {}, ...others } = value;
  const kinds = {
    "portfolio.type": portfolio?.type,
    "portfolio.account": portfolio?.type === "alpaca" ? portfolio.account : undefined,
    "probes.timescale": timescale && SECRET,
    "probes.redis": redis && SECRET,
    "probes.killSwitch.type": killSwitch?.value?.type,
    "probes.killSwitch.absent": killSwitch?.absent,
    "probes.appStart.type": appStart?.type,
  };
  return Object.entries({ ...others, ...kinds }).flatMap(([name, known]) =>
    known === undefined ? [] : rowOf(`sources.${name}`, { value: known, origin }),
  );
}

function gatewayRows({ base, credentials, caFile }: GatewaySettings): Row[] {
  const isBasic = credentials?.value.type === "basic";
  const secret =
    credentials === undefined ? NOT_SET : { value: SECRET, origin: credentials.origin };
  return [
    ...rowOf("gateway.url", { ...base, value: base.value ?? null }),
    ...rowOf("gateway.username", credentials === undefined ? NOT_SET : usernameOf(credentials)),
    ...rowOf("gateway.password", isBasic ? secret : NOT_SET),
    ...rowOf("gateway.token", isBasic ? NOT_SET : secret),
    ...rowOf(
      "gateway.caFile",
      caFile === undefined ? NOT_SET : { ...caFile, value: caFile.value.path },
    ),
  ];
}

/** In a URL it may be a token; in a file it stands beside the place of its password. */
function usernameOf({
  value,
  origin,
  usernameOrigin = origin,
}: NonNullable<GatewaySettings["credentials"]>): Setting<string | null> {
  if (value.type !== "basic") return NOT_SET;
  const file = "namedIn" in origin ? origin.namedIn : undefined;
  return file === undefined
    ? { value: SECRET, origin: usernameOrigin }
    : { value: value.username, origin: { type: "file", path: file } };
}

/** None when it cannot be known. */
function rowOf(name: string, setting: Setting<unknown> | undefined): Row[] {
  return setting === undefined ? [] : [{ name, ...setting }];
}

/** A job may have any name, and a terminal obeys control characters. */
function plainName(name: string): string {
  return /^[\p{L}\p{N}_-]+$/u.test(name) ? name : JSON.stringify(name);
}

function table(rows: readonly Row[], withOrigin: boolean): string {
  const cells = rows.map(({ name, value, origin }) => [
    name,
    value === null ? "not set" : typeof value === "string" ? value : JSON.stringify(value),
    ...(withOrigin ? [originText(origin)] : []),
  ]);
  const widths = [0, 1].map((column) => {
    return cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0);
  });
  const lines = cells.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
