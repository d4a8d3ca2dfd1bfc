import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  FieldTextAlignment,
  TableCellBackgroundDisplayMode,
  TableCellDisplayMode,
} from "@grafana/grafana-foundation-sdk/common";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Schedule } from "../schedule.ts";
import type { Plan } from "./board.ts";
import {
  AGE_LIMIT,
  CHOSEN,
  COMPLETED,
  DURATION_LIMIT,
  each,
  STATE_STEPS,
  STATES,
  stateOf,
} from "./job-state.ts";
import { boardLink, runbookLink, variable } from "./links.ts";
import { thresholds } from "./palette.ts";
import { type Override, table } from "./panels.ts";
import { mappings } from "./states.ts";

/** The catalogue as a table: what is expected of each entry, and what came of it. */
export function jobTable({ expectations, links }: Plan): Builder<Panel> {
  // The arm's number, with the labels of the entry.
  const toEach = (number: (group: string) => string) =>
    each(
      expectations,
      (group, own) => `0 * ${DURATION_LIMIT}${own} + on () group_left () ${number(group)}`,
    );
  const schedules = each(expectations, (_, own, { schedule }) => {
    const text = JSON.stringify(scheduleText(schedule));
    return `label_replace(0 * ${DURATION_LIMIT}${own}, "schedule", ${text}, "", "")`;
  });
  const labels = new Set(expectations.flatMap((expectation) => Object.keys(expectation.labels)));
  const others = [...labels].filter((label) => label !== "job").sort();
  const order = ["job", ...others, "Value #A", "schedule", ...["B", "C", "D", "E", "F"].map(value)];
  return table({
    title: "Job catalogue",
    description:
      "Each entry of the job catalogue. Expected by: when JobStale fires unless a run ends before. Runs: of this day so far. A job's name leads to the runs of it alone; its state to the runbook.",
    size: [24, 3 + Math.min(expectations.length, 12)],
    noValue: "none",
    isToday: true,
    queries: [
      stateOf(CHOSEN),
      `time() - ${COMPLETED}{${CHOSEN}}`,
      toEach(
        (group) =>
          `1000 * max(max_over_time(batch_job_last_success_timestamp_seconds${group}[1h]))`,
      ),
      `1000 * (${COMPLETED}{${CHOSEN}} + ${AGE_LIMIT})`,
      toEach((group) => `max(last_over_time(batch_job_duration_seconds${group}[1h]))`),
      toEach((group) => `round(sum(increase(batch_job_runs_total${group}[$__range])))`),
      schedules,
    ],
    transformations: [
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true, severity: true, [value("G")]: true },
          indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
          renameByName: {
            job: "Job",
            ...Object.fromEntries(others.map((label) => [label, capital(label)])),
            [value("A")]: "State",
            schedule: "Schedule",
            [value("B")]: "Data age",
            [value("C")]: "Last success",
            [value("D")]: "Expected by",
            [value("E")]: "Last duration",
            [value("F")]: "Runs today",
          },
        },
      },
    ],
    columns: [
      column("Job", 170, [
        { id: "links", value: [boardLink("jobs", { job: variable("__value.raw") })] },
      ]),
      column("Mode", 75),
      column("Strategy", 115),
      column("State", 110, [
        {
          id: "custom.cellOptions",
          value: {
            type: TableCellDisplayMode.ColorBackground,
            mode: TableCellBackgroundDisplayMode.Basic,
          },
        },
        { id: "custom.align", value: FieldTextAlignment.Center },
        { id: "mappings", value: mappings(STATES) },
        { id: "thresholds", value: thresholds(STATE_STEPS) },
        { id: "links", value: [runbookLink(links, "JobStale")] },
      ]),
      column("Data age", 90, [{ id: "unit", value: "s" }]),
      column("Last success", 135, [{ id: "unit", value: "dateTimeFromNow" }]),
      column("Expected by", 110, [{ id: "unit", value: "dateTimeFromNow" }]),
      column("Last duration", 110, [
        { id: "unit", value: "s" },
        { id: "decimals", value: 1 },
      ]),
      column("Runs today", 95, [{ id: "decimals", value: 0 }]),
    ],
  });
}

function column(name: string, width: number, properties: Override["properties"] = []): Override {
  return { name, properties: [{ id: "custom.width", value: width }, ...properties] };
}

function value(refId: string): string {
  return `Value #${refId}`;
}

function capital(label: string): string {
  return `${label.slice(0, 1).toUpperCase()}${label.slice(1)}`;
}

/** A cron line of one time a day, on some days of the week. */
const DAILY = /^(\d+) (\d+) \* \* (\S+)$/;

function scheduleText(schedule: Schedule | undefined): string {
  if (schedule === undefined) return "when somebody runs it";
  if ("rate" in schedule) return `every ${schedule.rate}`;
  const { cron, timeZone = "UTC" } = schedule;
  const zone = timeZone.slice(timeZone.lastIndexOf("/") + 1);
  const [, minute = "", hour = "", days = ""] = DAILY.exec(cron) ?? [];
  if (hour === "") return `${cron} ${zone}`;
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  return `${days === "*" ? "daily" : days} ${time} ${zone}`;
}
