import { afterEach, describe, expect, test } from "@jest/globals";
import { LedgerUnavailableError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { endPublishing, ledgerNamed, startBench } from "../publish/publishing.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, NIGHT, success } from "../support/run-records.ts";
import { answering } from "./reading-sources.ts";
import { GOES_ON, shown, startReporter } from "./reporting.ts";

afterEach(endPublishing);

const SOURCES = { killSwitch: answering("kill_switch", true) };

const OWN = { job: "closing_bell_reporter" };

describe("what a ledger is behind with is told", () => {
  test("groups that conflict, what waits in them and since when; and that nothing does any more", async () => {
    const theirs = await startBench({ ledger: ledgerNamed("theirs") });
    await theirs.ledger.append(success("theirs"));
    await theirs.publisher.publish(GROUP);
    const { gateway, clock } = theirs;
    const bench = await startReporter({
      sources: SOURCES,
      gateway,
      clock,
      ledger: ledgerNamed("ours"),
    });
    await bench.ledger.append(success("ours", undefined, { completedAt: NIGHT + 5 }));
    const { publications } = await bench.reporter.look(GOES_ON);

    const statuses = publications.map(({ groupingKey: { job }, status }) => `${job} ${status}`);
    expect(statuses).toEqual(["nightly refused", "closing_bell_reporter published"]);
    expect(await shown(bench, OWN)).toMatchObject({
      closing_bell_ledger_conflicting_groups: 1,
      closing_bell_ledger_pending_records: 1,
      closing_bell_ledger_oldest_pending_timestamp_seconds: NIGHT + 5,
    });

    await gateway.restart();
    clock.advance(600);
    await bench.reporter.look(GOES_ON);
    expect(await shown(bench, OWN)).toMatchObject({
      closing_bell_ledger_conflicting_groups: 0,
      closing_bell_ledger_pending_records: 0,
      // The ledger keeps the latest time: one that was left out would be the old one still.
      closing_bell_ledger_oldest_pending_timestamp_seconds: NIGHT + 60 + 600,
    });
  });

  test("a push that was not confirmed, until one is", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await bench.ledger.append(success("a"));
    let isCut = false;
    bench.gateway.meddle(({ method, path }) => {
      if (method !== "PUT" || !path.includes("nightly")) return undefined;
      isCut = true;
      return 500;
    });
    await bench.reporter.look(GOES_ON);
    expect(isCut).toBe(true);
    expect(await shown(bench, OWN)).toMatchObject({ closing_bell_ledger_unconfirmed_groups: 1 });
    bench.gateway.passOn();
    bench.clock.advance(60);
    await bench.reporter.look(GOES_ON);
    expect(await shown(bench, OWN)).toMatchObject({ closing_bell_ledger_unconfirmed_groups: 0 });
  });

  test("groups of the reporter's job with other labels keep their own word", async () => {
    const ledger = createMemoryLedger();
    const key = groupingKey(OWN.job, { host: "b" });
    await ledger.append(success("other", undefined, { groupingKey: key }));
    const { reporter } = await startReporter({ sources: SOURCES, ledger });
    const { publications } = await reporter.look(GOES_ON);
    expect(publications.map((each) => each.groupingKey)).toEqual([key, groupingKey(OWN.job)]);
  });

  test("a store of totals that fails alone is the health's error, not publishing's", async () => {
    const memory = createMemoryLedger();
    const ledger = {
      ...memory,
      async readPublishState() {
        throw new LedgerUnavailableError("busy");
      },
    };
    await ledger.append(success("a"));
    const { reporter } = await startReporter({ sources: SOURCES, ledger });
    const look = await reporter.look(GOES_ON);
    expect(look).toMatchObject({ healthError: { message: "busy" } });
    expect(look).not.toHaveProperty("ledgerError");
  });
});
