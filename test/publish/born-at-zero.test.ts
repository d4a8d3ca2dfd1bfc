import { afterEach, describe, expect, test } from "@jest/globals";
import { createPublisher } from "../../src/publish/publisher.ts";
import { startRecord } from "../../src/record/run-record.ts";
import { startFamilies } from "../../src/run/status-families.ts";
import { counter, GROUP, gauge, NIGHT, runsTotal, success } from "../support/run-records.ts";
import { endPublishing, type Fate, startBench } from "./publishing.ts";

afterEach(endPublishing);

const SUCCEEDED = { outcome: "succeeded" };

/** The clock of a bench begins a minute after the night's start. */
const BEGIN = NIGHT + 60;

describe("a new counter is published as 0", () => {
  test("and with its value by the first publish after two scrape intervals", async () => {
    const { ledger, publisher, clock, shown } = await startBench({ scrapeIntervalSeconds: 60 });
    await ledger.append(success("a", [runsTotal(), gauge("portfolio_cash", 7)]));
    expect(await publisher.publish(GROUP)).toMatchObject({
      status: "published",
      held: { series: 1, first: BEGIN + 120, until: BEGIN + 120 },
    });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
    expect(await shown("portfolio_cash")).toBe(7);

    clock.advance(119);
    await ledger.append(success("b"));
    expect(await publisher.publish(GROUP)).toMatchObject({
      held: { series: 1, first: BEGIN + 120, until: BEGIN + 120 },
    });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);

    clock.advance(1);
    expect(await publisher.publish(GROUP)).not.toHaveProperty("held");
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);

    await ledger.append(success("c"));
    await publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
  });

  test("and at its value by the run itself, when it runs longer than that", async () => {
    const { ledger, publisher, clock, shown } = await startBench({ scrapeIntervalSeconds: 60 });
    const families = startFamilies(clock.now());
    const start = { groupingKey: GROUP, executionId: "a", families, startedAt: clock.now() };
    await ledger.append(startRecord(start));
    expect(await publisher.publish(GROUP)).not.toHaveProperty("held");
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);

    clock.advance(300);
    await ledger.append(success("a", [runsTotal()]));
    expect(await publisher.publish(GROUP)).not.toHaveProperty("held");
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
  });

  test("each label set for itself: one that comes later is held later", async () => {
    const { ledger, publisher, clock, shown } = await startBench({ scrapeIntervalSeconds: 60 });
    await ledger.append(success("a", [counter("trades_total", 1, { action: "buy" })]));
    await publisher.publish(GROUP);
    clock.advance(100);
    await ledger.append(success("b", [counter("trades_total", 1, { action: "sell" })]));
    expect(await publisher.publish(GROUP)).toMatchObject({
      held: { series: 2, first: BEGIN + 120, until: BEGIN + 220 },
    });
    clock.advance(20);
    await publisher.publishAll();
    expect(await shown("trades_total", { action: "buy" })).toBe(1);
    expect(await shown("trades_total", { action: "sell" })).toBe(0);
    clock.advance(100);
    await publisher.publishAll();
    expect(await shown("trades_total", { action: "sell" })).toBe(1);
  });

  test.each<{ name: string; fate: Fate; shownAfter: number }>([
    { name: "anew when the push of its 0 was lost", fate: "lost", shownAfter: 0 },
    {
      name: "held from when it was seen when it came unnoticed",
      fate: "unanswered",
      shownAfter: 1,
    },
  ])("$name", async ({ fate, shownAfter }) => {
    const bench = await startBench({ scrapeIntervalSeconds: 60 });
    const { ledger, gateway, publisher, clock, shown } = bench;
    await ledger.append(success("a"));
    gateway.meddle(({ method }) => (method === "PUT" ? fate : undefined));
    // Its second try sees what its first one left.
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "failed" });
    gateway.passOn();

    clock.advance(119);
    await publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
    clock.advance(1);
    await publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(shownAfter);
  });

  test("again when the gateway forgot it before it was held long enough", async () => {
    const { ledger, gateway, publisher, clock, shown } = await startBench({
      scrapeIntervalSeconds: 60,
    });
    await ledger.append(success("a"));
    await publisher.publish(GROUP);
    await gateway.restart();
    clock.advance(120);
    await ledger.append(success("b"));
    expect(await publisher.publish(GROUP)).toMatchObject({ held: { until: BEGIN + 240 } });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
  });
});

test("a value that was shown is shown at once by a gateway that forgot it", async () => {
  const { ledger, gateway, publisher, clock, shown } = await startBench({
    scrapeIntervalSeconds: 60,
  });
  await ledger.append(success("a"));
  await publisher.publish(GROUP);
  clock.advance(120);
  await publisher.publishAll();
  await gateway.restart();
  await publisher.publishAll();
  expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
});

test("a clock that was years ahead and is set back holds no value for years", async () => {
  const ahead = 3e8;
  const { ledger, client, gateway, publisher, clock, shown } = await startBench({
    scrapeIntervalSeconds: 60,
  });
  clock.advance(ahead);
  await ledger.append(success("a"));
  await publisher.publish(GROUP);
  clock.advance(-ahead);

  const others = { ledger, client, clock, scrapeIntervalSeconds: 60 };
  for (let tick = 0; tick < 3; tick++) {
    clock.advance(120);
    await createPublisher(others).publishAll();
  }
  expect(gateway.requests.length).toBeGreaterThan(0);
  expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
});
