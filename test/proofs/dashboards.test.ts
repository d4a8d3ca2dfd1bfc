import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { lintDashboard } from "../../src/mixin/dashboards/lint.ts";
import { lintOptions } from "../mixin/dashboards/generated.ts";
import { describeWithServer } from "../support/servers.ts";
import type { Day } from "./dashboards/day.ts";
import { isRecording, shippedRules } from "./dashboards/evaluated-rules.ts";
import {
  answerTo,
  keysOf,
  type PanelQuery,
  panelsOf,
  queriesOf,
  shippedBoards,
} from "./dashboards/grafana.ts";
import { SWITCH_OVER_TIME } from "./dashboards/held/common.ts";
import { RECORDED } from "./dashboards/held/rules.ts";
import { TABLES } from "./dashboards/held/tables.ts";
import { firingProblems } from "./dashboards/held/wrong.ts";
import type { Held, Shown } from "./dashboards/judge.ts";
import { type OpenedDay, openDay } from "./dashboards/open-day.ts";
import type { DayKind } from "./dashboards/plan.ts";
import { dayPlayer } from "./dashboards/played-day.ts";
import { BEGIN, END, SCRAPE_SECONDS } from "./dashboards/times.ts";
import { type Truth, truthOf } from "./dashboards/truth.ts";

/*
 * Two days, a good one and a bad one, are played through library, ledger and gateway, and a real
 * Prometheus is given what was scraped. Then every query of every panel, and every rule, is held to what
 * is known of the days from elsewhere.
 */

jest.setTimeout(300_000);

/** Of what is wrong with one query. */
const MOST_SHOWN = 8;

const DAYS: readonly DayKind[] = ["good", "bad"];

type Asked = Shown & { readonly query: PanelQuery };

type Played = OpenedDay & { readonly truth: Truth; readonly shown: ReadonlyMap<string, Asked> };

const boards = shippedBoards();
const keys = boards.flatMap(keysOf);
const rules = shippedRules();

const heldOf = (key: string): Held | undefined => {
  const [dashboard = "", ...query] = key.split(" | ");
  return TABLES[dashboard]?.[query.join(" | ")];
};

describeWithServer("promtool", "prometheus")("dashboards and rules, over a day", () => {
  const days = new Map<DayKind, Played>();
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "closing-bell-day-"));
    const play = dayPlayer();
    const opening = DAYS.map(async (kind) => {
      const file = join(folder, `${kind}.om`);
      days.set(kind, await open(await play(kind, file), file));
    });
    await Promise.all(opening);
  });

  afterAll(async () => {
    for (const { store } of days.values()) await store.close();
    rmSync(folder, { recursive: true, force: true });
    if (days.size === DAYS.length) print();
  });

  async function open(day: Day, file: string): Promise<Played> {
    const opened = await openDay(file);
    const shown = new Map<string, Asked>();
    for (const board of boards) {
      const asking = await queriesOf(board, opened.store, {
        now: END,
        scrapeSeconds: SCRAPE_SECONDS,
      });
      for (const query of asking) {
        shown.set(query.key, { query, series: await answerTo(query, opened.store) });
      }
    }
    return { ...opened, truth: truthOf(day, opened.evaluatedAt), shown };
  }

  const played = (kind: DayKind): Played => {
    const found = days.get(kind);
    if (found === undefined) throw new Error(`the ${kind} day was not played`);
    return found;
  };

  /** What is wrong with a query on both days, and whether it had data on one of them. */
  function problemsOf(key: string): readonly string[] {
    const each = DAYS.map((kind) => {
      const { truth, shown } = played(kind);
      const answered = shown.get(key);
      const problems =
        answered === undefined ? ["was not asked"] : heldOf(key)?.problems(answered, truth);
      return { kind, problems: problems ?? ["is in no table"], series: answered?.series ?? [] };
    });
    const isEmpty = each.every(({ series }) => series.length === 0);
    const empty = isEmpty && heldOf(key)?.to !== "none" ? ["there is no data on either day"] : [];
    return [
      ...each.flatMap(({ kind, problems }) => problems.map((text) => `${kind}: ${text}`)),
      ...empty,
    ];
  }

  test.each(keys)("%s", (key) => {
    expect(problemsOf(key).slice(0, MOST_SHOWN)).toEqual([]);
  });

  test("no entry of the tables is of a query that is gone", () => {
    const entries = Object.entries(TABLES).flatMap(([dashboard, table]) =>
      Object.keys(table).map((query) => `${dashboard} | ${query}`),
    );
    expect(entries.filter((key) => !keys.includes(key))).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  const records = [...new Set(rules.filter(isRecording).map(({ record }) => record))];

  test.each(records)("%s", async (record) => {
    const { [record]: held } = RECORDED;
    const problems: string[] = [];
    let count = 0;
    for (const kind of DAYS) {
      const { store, truth } = played(kind);
      const end = truth.evaluationBefore(END);
      const range = { start: end - Math.floor((end - BEGIN) / 300) * 300, end, step: 300 };
      const series = await store.range(record, range);
      count += series.length;
      const wrong = held?.problems({ query: { range, time: end }, series }, truth) ?? [
        "is in no table",
      ];
      problems.push(...wrong.map((text) => `${kind}: ${text}`));
    }
    expect(problems.slice(0, MOST_SHOWN)).toEqual([]);
    expect(count).toBeGreaterThan(0);
  });

  test.each(DAYS)("the kill switch is told right all through the %s day", async (kind) => {
    const { store, truth, shown } = played(kind);
    const { expr = "" } = shown.get("health | Kill Switch Status | A")?.query ?? {};
    const range = { start: BEGIN, end: END, step: 300 };
    const series = await store.range(expr, range);
    const problems = SWITCH_OVER_TIME.problems({ query: { range, time: END }, series }, truth);
    expect(problems.slice(0, MOST_SHOWN)).toEqual([]);
  });

  test.each(DAYS)("alerts fire when they should on the %s day, and not else", (kind) => {
    expect(firingProblems(kind, played(kind).firing)).toEqual([]);
  });

  function print(): void {
    const panels = boards.flatMap((board) =>
      panelsOf(board).map(({ id, title }) => {
        const start = `${board.uid?.replace("closing-bell-", "")} | ${title} | `;
        return { id, own: keys.filter((key) => key.startsWith(start)) };
      }),
    );
    const withData = panels.filter(({ own }) =>
      own.some((key) => DAYS.some((kind) => (played(kind).shown.get(key)?.series.length ?? 0) > 0)),
    );
    const isTrue = panels.filter(({ own }) => own.every((key) => problemsOf(key).length === 0));
    const of = (some: readonly unknown[]) => `${some.length}/${panels.length}`;
    const line = [
      `dashboards ${boards.length}`,
      `panels ${panels.length}`,
      `with data ${of(withData)}`,
      `true ${of(isTrue)}`,
      `linter findings ${findings().length}`,
    ].join(", ");
    process.stdout.write(`\n${line}\n`);
  }
});

function findings() {
  const options = lintOptions(boards);
  return boards.flatMap((board) => lintDashboard(board, options));
}

describe("the linter", () => {
  test("finds nothing in what ships", () => {
    expect(findings()).toEqual([]);
  });
});
