import { afterEach, describe, expect, test } from "@jest/globals";
import { createPublisher } from "../../src/publish/publisher.ts";
import { counter, GROUP, success } from "../support/run-records.ts";
import { type Bench, endPublishing, groupNumber, startBench } from "./publishing.ts";

afterEach(endPublishing);

const SUCCEEDED = { outcome: "succeeded" };

test("a second gateway is shown zeros first, whatever the first one shows", async () => {
  const first = await startBench({ scrapeIntervalSeconds: 60 });
  const { ledger, clock } = first;
  await ledger.append(success("a"));
  await first.publisher.publish(GROUP);
  clock.advance(120);
  await first.publisher.publishAll();
  expect(await first.shown("batch_job_runs_total", SUCCEEDED)).toBe(1);

  const second = await startBench({ ledger, clock, scrapeIntervalSeconds: 60 });
  expect(await second.publisher.publishAll()).toMatchObject([
    { status: "published", version: 1, held: { series: 1 } },
  ]);
  expect(await second.shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
  expect(await first.publisher.publishAll()).toMatchObject([{ status: "current" }]);
  clock.advance(120);
  await second.publisher.publishAll();
  expect(await second.shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
});

test("what one gateway has not confirmed is no concern of another", async () => {
  const first = await startBench();
  const { ledger, clock } = first;
  const second = await startBench({ ledger, clock });
  await ledger.append(success("a"));
  first.gateway.meddle(({ method }) => (method === "PUT" ? 429 : undefined));
  expect(await first.publisher.publish(GROUP)).toMatchObject({ status: "failed" });
  expect(await second.publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  expect(second.gateway.seen()).not.toContain("GET /-/ready");
  expect(await first.noted()).toMatchObject({ unconfirmed: { version: 1 } });
});

describe("one gateway under two URLs", () => {
  test("shows no value less than before, since what it shows was shown", async () => {
    const { first, second, clock, shown } = await twoNames();
    await first.ledger.append(success("a"));
    await first.publisher.publish(GROUP);
    clock.advance(120);
    await first.publisher.publishAll();

    await first.ledger.append(success("b"));
    expect(await second.publisher.publish(GROUP)).not.toHaveProperty("held");
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
  });

  test("nor of a value whose 0 was seen under both", async () => {
    const { first, second, clock, shown } = await twoNames();
    await first.ledger.append(success("a"));
    await first.publisher.publish(GROUP);
    clock.advance(100);
    await second.publisher.publishAll();
    clock.advance(20);
    await first.publisher.publishAll();
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);

    await first.ledger.append(success("b"));
    await second.publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
  });

  test("nor by a process that published before the other one did, and goes on", async () => {
    const { first, second, clock, shown } = await twoNames();
    await first.ledger.append(success("a"));
    await second.publisher.publish(GROUP);
    clock.advance(120);
    await second.publisher.publishAll();

    await first.ledger.append(success("b", [counter("trades_total", 3)]));
    await first.publisher.publish(GROUP);
    clock.advance(120);
    await first.publisher.publishAll();
    expect(await shown("trades_total")).toBe(3);

    await first.ledger.append(success("c", [counter("trades_total", 3)]));
    await second.publisher.publish(GROUP);
    expect(await shown("trades_total")).toBe(6);
  });

  test("is published to by whoever ticks, and told as current to each that has published", async () => {
    const { first, second } = await twoNames();
    await first.ledger.append(success("a", undefined, { groupingKey: groupNumber(1) }));
    expect(await first.publisher.publishAll()).toMatchObject([{ status: "published" }]);
    expect(await second.publisher.publishAll()).toMatchObject([{ status: "published" }]);
    for (const { publisher } of [first, second]) {
      expect(await publisher.publishAll()).toMatchObject([{ status: "current" }]);
    }
  });
});

test("many publishers of one group agree on what was shown", async () => {
  const bench = await startBench({ scrapeIntervalSeconds: 60 });
  const { ledger, client, clock, shown } = bench;
  const values: unknown[] = [];
  for (let run = 0; run < 8; run++) {
    await ledger.append(success(`r${run}`));
    await createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 60 }).publish(GROUP);
    values.push(await shown("batch_job_runs_total", SUCCEEDED));
    clock.advance(40);
  }
  expect(values).toEqual([0, 0, 0, 4, 5, 6, 7, 8]);
});

/** One ledger, and two names of one gateway. */
async function twoNames(): Promise<
  { first: Bench; second: Bench } & Pick<Bench, "clock" | "shown">
> {
  const first = await startBench({ scrapeIntervalSeconds: 60 });
  const { ledger, gateway, clock, shown } = first;
  const url = new URL(gateway.url);
  url.hostname = "localhost";
  const second = await startBench({ ledger, gateway, clock, url, scrapeIntervalSeconds: 60 });
  expect(second.client.gateway).not.toBe(first.client.gateway);
  return { first, second, clock, shown };
}
