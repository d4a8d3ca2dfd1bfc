import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import { type ConfigSources, readSettings } from "../../src/config/config.ts";
import type { CheckResult } from "../../src/doctor/check.ts";
import { type ExamineOptions, examine } from "../../src/doctor/examine.ts";

export type Given = Partial<ConfigSources> & Omit<Partial<ExamineOptions>, "settings">;

export type Examined = {
  readonly ok: boolean;
  /** By the checks' names: `status message`. */
  readonly said: Readonly<Record<string, string>>;
  readonly checks: readonly CheckResult[];
};

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed in the end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cb-doctor-"));
  folders.push(folder);
  return folder;
}

/** All checks, of nothing but what is given: no ledger, no configuration of this machine. */
export async function examined({
  env = {},
  cwd,
  gatewayUrl,
  configPath,
  timeoutMs = 8000,
  lookup = async () => [],
  ...options
}: Given): Promise<Examined> {
  const home = temporaryFolder();
  const settings = readSettings({
    env: { CLOSING_BELL_LEDGER: "none", ...env },
    cwd: cwd ?? home,
    home,
    ...(gatewayUrl === undefined ? {} : { gatewayUrl }),
    ...(configPath === undefined ? {} : { configPath }),
  });
  const { ok, checks } = await examine({ settings, timeoutMs, lookup, ...options });
  const said = checks.map(({ name, status, message }) => [name, `${status} ${message}`]);
  return { ok, said: Object.fromEntries(said), checks };
}

/** Names of the checks that are neither ok nor skipped. */
export function troubles({ checks }: Examined): readonly string[] {
  return checks
    .filter(({ status }) => status !== "ok" && status !== "skipped")
    .map(({ name }) => name);
}
