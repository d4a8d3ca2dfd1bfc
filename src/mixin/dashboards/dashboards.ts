import { aiBoard } from "./ai.ts";
import { boardJson, type Plan } from "./board.ts";
import { healthBoard } from "./health.ts";
import { jobsBoard } from "./jobs.ts";
import { portfolioBoard } from "./portfolio.ts";

export type DashboardFile = {
  /** Below the mixin's folder: `dashboards/jobs.json`. */
  readonly path: string;
  readonly content: string;
};

/** Grafana dashboards, as files for it to be provisioned with. Same plan, same bytes. */
export function dashboardFiles(plan: Plan): readonly DashboardFile[] {
  return [aiBoard(plan), portfolioBoard(plan), healthBoard(plan), jobsBoard(plan)].map((board) => ({
    path: `dashboards/${board.dashboard}.json`,
    content: `${JSON.stringify(boardJson(board, plan), undefined, 2)}\n`,
  }));
}
