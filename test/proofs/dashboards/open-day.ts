import { rmSync } from "node:fs";
import {
  type Firing,
  fireAlerts,
  lastEvaluation,
  type Rule,
  recordRules,
  shippedRules,
} from "./evaluated-rules.ts";
import { createScrapeLog } from "./scrape-log.ts";
import { createStore, type Store } from "./store.ts";
import { END } from "./times.ts";

export type OpenedDay = {
  readonly store: Store;
  /** What fired, and when. */
  readonly firing: readonly Firing[];
  /** When rules were evaluated for the last time. */
  readonly evaluatedAt: number;
};

/** A Prometheus with a day that was played into a file, and with what the rules make of it. */
export async function openDay(
  file: string,
  rules: readonly Rule[] = shippedRules(),
): Promise<OpenedDay> {
  const store = await createStore();
  try {
    await store.importFile(file);
    await store.reopen();
    await recordRules(store, rules);
    const log = createScrapeLog();
    const firing = await fireAlerts(store, rules, log);
    const alerts = `${file}.alerts`;
    await log.write(alerts);
    await store.importFile(alerts);
    rmSync(alerts);
    await store.reopen();
    return { store, firing, evaluatedAt: await lastEvaluation(store, rules, END) };
  } catch (error) {
    await store.close();
    throw error;
  }
}
