import { afterEach, describe, expect, test } from "@jest/globals";
import { readNewestSnapshot } from "../../src/ledger/fold-round.ts";
import { adoptGroup } from "../../src/publish/adopt.ts";
import { look } from "../../src/publish/look.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { manualClock } from "../support/manual-clock.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  NIGHT,
  runsTotal,
  success,
} from "../support/run-records.ts";
import { type Bench, endPublishing, ledgerNamed, startBench } from "./publishing.ts";

afterEach(endPublishing);

const SUCCEEDED = { outcome: "succeeded" };

describe("a group of another ledger that is adopted", () => {
  test("begins at the gateway's totals, and what was pending is added to them", async () => {
    const { first, second, shown } = await twoLedgers();
    expect(await adopt(second)).toEqual({
      status: "adopted",
      version: 1,
      from: { ledgerId: "first", version: 2 },
      pending: 1,
      dropped: 0,
    });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
    expect(await second.publisher.publish(GROUP)).toMatchObject({ status: "published" });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
    expect(await shown("trades_total")).toBe(9.3);

    const { client, clock, ledger } = first;
    const former = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    for (const [publication] of [[await former.publish(GROUP)], await former.publishAll()]) {
      expect(publication).toMatchObject({
        status: "refused",
        error: { code: "ERR_LEDGER_MISMATCH", theirs: { ledgerId: "second" } },
      });
    }
  });

  test("goes on as its own: nothing is held, nothing is adopted twice", async () => {
    const { second, shown } = await twoLedgers();
    await adopt(second);
    const { ledger, client, clock } = second;
    const publisher = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 60 });
    expect(await publisher.publishAll()).toEqual([
      expect.objectContaining({ status: "published", version: 2 }),
    ]);
    expect(await shown("trades_total")).toBe(9.3);
    expect(await adopt(second)).toEqual({ status: "not needed" });
    await ledger.append(success("d", FAMILIES));
    await publisher.publish(GROUP);
    expect(await shown("trades_total")).toBe(12.4);
  });

  test("falls nowhere, in a process that published before as well", async () => {
    const clock = manualClock(NIGHT + 60);
    const first = await startBench({
      ledger: ledgerNamed("first"),
      clock,
      scrapeIntervalSeconds: 60,
    });
    const { gateway, shown } = first;
    await first.ledger.append(success("a"));
    await first.publisher.publish(GROUP);
    clock.advance(120);
    await first.publisher.publish(GROUP);
    await gateway.restart();
    const second = await startBench({ ledger: ledgerNamed("second"), clock, gateway });
    await second.ledger.append(success("b", FAMILIES));
    await second.publisher.publish(GROUP);
    expect(await shown("trades_total")).toBe(3.1);

    await adopt(first);
    await first.ledger.append(success("c", FAMILIES));
    expect(await first.publisher.publish(GROUP)).not.toHaveProperty("held");
    expect(await shown("trades_total")).toBe(6.2);
  });

  test("leaves behind what this ledger had counted before", async () => {
    const { second, gateway, first, shown } = await twoLedgers();
    // The second one published to a gateway that had lost its memory, before the first one returned.
    await gateway.restart();
    await second.publisher.publish(GROUP);
    await second.ledger.append(success("d", FAMILIES));
    await gateway.restart();
    const { ledger, client, clock } = first;
    await createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 }).publish(GROUP);

    expect(await adopt(second)).toMatchObject({ status: "adopted", version: 2, pending: 1 });
    await second.publisher.publishAll();
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
  });

  test("keeps histograms whole, gauges until a run says otherwise, and what was told of rejections", async () => {
    const { second, shown, gateway } = await twoLedgers();
    const { families: before } = await look(second.client, GROUP);
    await adopt(second);
    const { totals } = await readNewestSnapshot(second.ledger, GROUP);
    expect(totals).toMatchObject({ records: 0, results: { at: 0 } });
    await second.ledger.deletePending(GROUP, ["run-c"]);
    await second.publisher.publishAll();
    const { families: after } = await look(second.client, GROUP);
    const withoutVersion = (families: typeof before) =>
      families
        .filter(({ name }) => name !== "closing_bell_ledger_version")
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(withoutVersion(after)).toEqual(withoutVersion(before));
    expect(gateway.seen()).toContain("PUT");

    await second.ledger.append(
      success("d", [histogram("slippage", [9]), gauge("portfolio_cash", 1)]),
    );
    await second.publisher.publish(GROUP);
    const slippage = (await look(second.client, GROUP)).families.find(
      ({ name }) => name === "slippage",
    );
    expect(slippage?.samples).toMatchObject([{ count: 5, sum: 13 }]);
    expect(await shown("portfolio_cash")).toBe(1);
    expect(await shown("other_result")).toBeUndefined();
  });
});

describe("adopting", () => {
  test("is not needed of an empty gateway, of our own totals and of what no ledger made", async () => {
    const bench = await startBench();
    const { ledger, publisher, gateway } = bench;
    await ledger.append(success("a"));
    expect(await adopt(bench)).toEqual({ status: "not needed" });
    await publisher.publish(GROUP);
    expect(await adopt(bench)).toEqual({ status: "not needed" });
    const path = "/metrics/job/nightly/mode/backtest";
    await gateway.send({ method: "PUT", path, body: Buffer.from("a 1\n") });
    expect(await adopt(bench)).toEqual({ status: "not needed" });
    expect((await readNewestSnapshot(ledger, GROUP)).version).toBe(1);
  });

  test("waits for nobody who is publishing, and gives the lease back", async () => {
    const { second } = await twoLedgers();
    const taken = await second.ledger.lease(GROUP);
    await expect(adopt(second)).rejects.toMatchObject({ code: "ERR_LEDGER_UNAVAILABLE" });
    if (taken.status === "taken") await taken.lease.release();
    await adopt(second);
    expect(await second.ledger.lease(GROUP)).toMatchObject({ status: "taken" });
  });

  test("changes nothing when the gateway cannot be read", async () => {
    const { second, gateway } = await twoLedgers();
    gateway.meddle(() => 503);
    await expect(adopt(second)).rejects.toMatchObject({ code: "ERR_PUSH" });
    expect(await second.ledger.readSnapshot(GROUP)).toBeUndefined();
    expect(await second.ledger.lease(GROUP)).toMatchObject({ status: "taken" });
  });

  test("that was cut short is begun again, and gives the same", async () => {
    const { second, shown } = await twoLedgers();
    const { ledger } = second;
    const dies = {
      ...ledger,
      async lease(group: typeof GROUP) {
        const taken = await ledger.lease(group);
        if (taken.status === "held") return taken;
        const writeState = async () => {
          throw new Error("killed");
        };
        return { ...taken, lease: { ...taken.lease, writeState } };
      },
    };
    await expect(adopt({ ...second, ledger: dies })).rejects.toThrow("killed");
    expect(await second.publisher.publish(GROUP)).toMatchObject({ status: "refused" });
    expect(await adopt(second)).toMatchObject({ status: "adopted", version: 2, pending: 1 });
    await second.publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
  });
});

const FAMILIES = [
  runsTotal(),
  counter("trades_total", 3.1),
  gauge("portfolio_cash", 7),
  gauge("other_result", 8),
  gauge("batch_job_last_success_timestamp_seconds", NIGHT),
  histogram("slippage", [0.5, 1.5]),
];

/** The first ledger has published two runs, the second has recorded one. */
async function twoLedgers() {
  const first = await startBench({ ledger: ledgerNamed("first") });
  const { gateway, shown } = first;
  const second = await startBench({ ledger: ledgerNamed("second"), gateway });
  for (const id of ["a", "b"]) {
    await first.ledger.append(success(id, FAMILIES));
    await first.publisher.publish(GROUP);
  }
  await second.ledger.append(success("c", FAMILIES));
  return { first, second, gateway, shown };
}

function adopt({ ledger, client, clock }: Pick<Bench, "ledger" | "client" | "clock">) {
  return adoptGroup({ ledger, client, clock }, GROUP);
}
