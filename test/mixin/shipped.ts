import { readdirSync, readFileSync } from "node:fs";
import type { JobCatalogue } from "../../src/mixin/expectations.ts";
import { ruleFiles } from "../../src/mixin/mixin.ts";
import { type AlertRule, isAlert } from "../../src/mixin/rule.ts";

export const ROOT = new URL("../../", import.meta.url);

/** Folder of what ships. */
export const PROMETHEUS = new URL("prometheus/", ROOT);

/** The job catalogue that ships. */
export const CATALOGUE: JobCatalogue = JSON.parse(
  readFileSync(new URL("closing-bell.json", ROOT), "utf8"),
).jobs;

export function alertsOf(catalogue: JobCatalogue): readonly AlertRule[] {
  return ruleFiles(catalogue).flatMap(({ rules }) => rules.filter(isAlert));
}

/** The alerts that ship. */
export const ALERTS = alertsOf(CATALOGUE);

/** Their names, each once. */
export const ALERT_NAMES = [...new Set(ALERTS.map(({ alert }) => alert))].sort();

/** Names of the files in a folder of what ships. */
export function namesIn(folder: string): readonly string[] {
  return readdirSync(new URL(folder, PROMETHEUS)).sort();
}
