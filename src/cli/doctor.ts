import { readSettings } from "../config/config.ts";
import type { CheckResult } from "../doctor/check.ts";
import { examine } from "../doctor/examine.ts";
import { InvalidOptionError, messageOf } from "../errors.ts";
import { type GatewayAddress, parseGatewayUrl } from "../gateway-url.ts";
import { EXIT, type Io, UsageError, withoutUserInfo } from "./io.ts";
import { fetchedSources, type GatewayFlags, lookup } from "./target.ts";

export type DoctorFlags = GatewayFlags & {
  /** URL of the Prometheus that scrapes the gateway. */
  readonly prometheus?: string;
  /** Milliseconds. */
  readonly timeout: number;
};

/** Says of everything that reporting needs whether it is well. 1 when something is not. */
export async function doctor(flags: DoctorFlags, io: Io): Promise<number> {
  const { ok, checks: said } = await examine({
    settings: readSettings(await fetchedSources(flags, io)),
    prometheus: flags.prometheus === undefined ? undefined : prometheusOf(flags.prometheus),
    timeoutMs: flags.timeout,
    lookup,
  });
  const checks = said.map((check) => ({ ...check, message: withoutUserInfo(check.message) }));
  if (flags.json) io.out(`${JSON.stringify({ ok, checks })}\n`);
  else {
    const shown = flags.quiet ? checks.filter(isTrouble) : checks;
    io.out(shown.map(lineOf).join(""));
    if (!flags.quiet) io.err(`closing-bell: ${summaryOf(checks)}\n`);
  }
  return ok ? EXIT.done : EXIT.failed;
}

function prometheusOf(url: string): GatewayAddress {
  try {
    return parseGatewayUrl(url);
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    throw new UsageError(`--prometheus: ${messageOf(error).replace("gateway URL", "the URL")}`, {
      cause: error,
    });
  }
}

function isTrouble({ status }: CheckResult): boolean {
  return status === "failed" || status === "warning";
}

/** Widths of the columns, for what they hold. */
const STATUS_WIDTH = "warning".length;
const NAME_WIDTH = "prometheus.scrape-interval".length;

function lineOf({ name, status, message }: CheckResult): string {
  return `${status.padEnd(STATUS_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${message}\n`;
}

function summaryOf(checks: readonly CheckResult[]): string {
  const counts = (["failed", "warning", "skipped"] as const).flatMap((status) => {
    const count = checks.filter((check) => check.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  return `${checks.length} checks${counts.length === 0 ? ", all ok" : `: ${counts.join(", ")}`}`;
}
