import { AI } from "./ai.ts";
import type { Table } from "./common.ts";
import { HEALTH } from "./health.ts";
import { JOBS } from "./jobs.ts";
import { PORTFOLIO } from "./portfolio.ts";

/** What every query of every dashboard is held to. */
export const TABLES: Readonly<Record<string, Table>> = {
  ai: AI,
  portfolio: PORTFOLIO,
  health: HEALTH,
  jobs: JOBS,
};
