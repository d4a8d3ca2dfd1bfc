import { type Dashboard, type Links, runbookUrl } from "../rule.ts";

export type DataLink = { readonly title: string; readonly url: string };

export const TAG = "closing-bell";

const TITLES: Readonly<Record<Dashboard, string>> = {
  ai: "AI Trading Overview",
  portfolio: "Portfolio Performance",
  health: "System Health",
  jobs: "Jobs",
};

/** As Grafana writes a variable into text. */
export function variable(name: string): string {
  return `\${${name}}`;
}

export function uidOf(dashboard: Dashboard): string {
  return `${TAG}-${dashboard}`;
}

export function titleOf(dashboard: Dashboard): string {
  return TITLES[dashboard];
}

/** To another of the dashboards, at the same time and data source. Values go in as they are. */
export function boardLink(
  dashboard: Dashboard,
  variables: Readonly<Record<string, string>> = {},
): DataLink {
  const query = Object.entries({ datasource: variable("datasource"), ...variables })
    .map(([name, value]) => `var-${name}=${value}`)
    .join("&");
  return {
    title: titleOf(dashboard),
    url: `/d/${uidOf(dashboard)}?${query}&\${__url_time_range}`,
  };
}

export function runbookLink(links: Links, alert: string): DataLink {
  return { title: `Runbook: ${alert}`, url: runbookUrl(links, alert) };
}
