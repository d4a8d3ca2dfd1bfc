import { afterEach, expect, test } from "@jest/globals";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { ReporterSources } from "../../src/reporter/readings.ts";
import { endPublishing, startWatchedGateway } from "../publish/publishing.ts";
import {
  accountAfter,
  BEGIN,
  BY_HAND,
  type Expected,
  isHaltedAfter,
  LEDGER_OUTAGE,
  LOOKS,
  PORTFOLIO_OUTAGE,
  QUARTER,
  RESTARTS,
} from "../reporter/day.ts";
import {
  brokenLedger,
  fileLedger,
  GOES_ON,
  shown,
  startReporter,
  up,
} from "../reporter/reporting.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { printTable } from "../support/print-table.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

afterEach(async () => {
  await endPublishing();
  removeStateDirectories();
});

const TRACKING = { timeZone: "America/New_York", dayStartsAt: "17:00", startCapital: 80_000 };

/** The application started a minute before the first look. */
const STARTED_AT = BEGIN - 60;

test("a day of looks every quarter of an hour shows what was calculated by hand", async () => {
  const clock = manualClock(BEGIN);
  const hours = () => (clock.now() - BEGIN) / 3600;
  const isWithin = ([from, to]: readonly [number, number]) => hours() >= from && hours() < to;
  const gateway = await startWatchedGateway(clock);
  const directory = stateDirectory();
  const sources = sourcesOf(hours, () => isWithin(PORTFOLIO_OUTAGE));
  const start = (ledger: Ledger) =>
    startReporter({ sources, tracking: TRACKING, clock, gateway, ledger });
  const withOutages = () =>
    failingWhile(fileLedger(directory, clock), () => isWithin(LEDGER_OUTAGE));

  let bench = await start(withOutages());
  const rows: string[][] = [];
  let recorded = 0;
  for (let look = 0; look < LOOKS; look++) {
    if (RESTARTS.includes(look)) bench = await start(withOutages());
    const { push, delivery } = await bench.reporter.look(GOES_ON);
    expect(push.status).toBe("delivered");
    if (delivery?.status === "recorded") recorded++;

    const expected = BY_HAND.find((each) => each.hours === hours());
    if (expected !== undefined) {
      const values = await shown(bench);
      rows.push(rowOf(expected, values));
      expect({ at: expected.why, ...values }).toEqual({
        at: expected.why,
        ...gauges(expected, clock),
      });
    }
    clock.advance(QUARTER);
  }

  printTable(
    "A day of the reporter, as the gateway showed it",
    ["after", "what", "value", "daily_pnl", "return %", "drawdown %", "max %", "halted"],
    rows,
  );
  expect(rows).toHaveLength(BY_HAND.length);
  // 97 looks, and the store took none of the four in its outage.
  expect(recorded).toBe(93);
  expect(await shown(bench, { job: "closing_bell_reporter" })).toMatchObject({
    'batch_job_runs_total{outcome="succeeded"}': 93,
    batch_job_last_completion_timestamp_seconds: BEGIN + 96 * QUARTER,
    closing_bell_ledger_pending_records: 0,
    closing_bell_ledger_oldest_pending_timestamp_seconds: BEGIN + 96 * QUARTER,
    closing_bell_ledger_unconfirmed_groups: 0,
    closing_bell_ledger_conflicting_groups: 0,
  });
});

function sourcesOf(hours: () => number, isOut: () => boolean): ReporterSources {
  return {
    portfolio: {
      name: "portfolio",
      async read() {
        if (isOut()) throw new Error("503");
        return accountAfter(hours());
      },
    },
    timescale: { name: "timescale", read: async () => true as const },
    killSwitch: { name: "kill_switch", read: async () => isHaltedAfter(hours()) },
    appStart: { name: "app_start", read: async () => STARTED_AT },
  };
}

/** A ledger, or one that is down for as long as that holds. */
function failingWhile(ledger: Ledger, isDown: () => boolean): Ledger {
  const broken = brokenLedger();
  return new Proxy(ledger, {
    get: (working, name) => Reflect.get(isDown() && name !== "place" ? broken : working, name),
  });
}

/** Every gauge of the group, but how long the readings took. */
function gauges(expected: Expected, clock: ManualClock): Readonly<Record<string, number>> {
  const { value, pnl, back, drawdown, deepest, halted } = expected;
  const known = {
    portfolio_total_value: value,
    portfolio_cash: value === undefined ? undefined : value / 10,
    current_positions_count: value === undefined ? undefined : 4,
    'portfolio_currency_info{currency="USD"}': value === undefined ? undefined : 1,
    daily_pnl: pnl,
    total_return_pct: back,
    current_drawdown_pct: drawdown,
    max_drawdown_pct: deepest,
    kill_switch_status: halted,
    timescale_connection_status: 1,
    app_start_time_seconds: STARTED_AT,
    system_uptime_seconds: clock.now() - BEGIN + 60,
    [up("portfolio")]: value === undefined ? 0 : 1,
    [up("timescale")]: 1,
    [up("kill_switch")]: 1,
    [up("app_start")]: 1,
  };
  const told = Object.entries(known).filter(([, each]) => each !== undefined);
  return Object.fromEntries(told) as Record<string, number>;
}

function rowOf({ hours, why }: Expected, values: Readonly<Record<string, number>>): string[] {
  const names = [
    ...["portfolio_total_value", "daily_pnl", "total_return_pct"],
    ...["current_drawdown_pct", "max_drawdown_pct", "kill_switch_status"],
  ];
  return [`${hours} h`, why, ...names.map((name) => `${values[name] ?? "-"}`)];
}
