import { afterEach, describe, expect, test } from "@jest/globals";
import { createPublisher } from "../../src/publish/publisher.ts";
import { GROUP, success } from "../support/run-records.ts";
import { endPublishing, groupNumber, ledgerNamed, startBench } from "./publishing.ts";

afterEach(endPublishing);

const SUCCEEDED = { outcome: "succeeded" };
const LOOK = "GET /api/v1/metrics";

describe("a second ledger that reports the same group", () => {
  test("is refused before it pushes or counts anything", async () => {
    const { first, second, gateway, shown } = await twoLedgers();
    for (const attempt of ["publish", "publishAll"] as const) {
      const [publication] = [await second.publisher[attempt](GROUP as never)].flat();
      expect(publication).toMatchObject({
        status: "refused",
        error: {
          code: "ERR_LEDGER_MISMATCH",
          ours: { ledgerId: "second", version: 0 },
          theirs: { ledgerId: "first", version: 1 },
        },
      });
    }
    expect(gateway.seen()).toEqual([LOOK, LOOK]);
    expect(await second.ledger.readPending(GROUP, ["run-b"])).toHaveLength(1);
    expect(await second.ledger.readSnapshot(GROUP)).toBeUndefined();
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);

    await first.ledger.append(success("c"));
    expect(await first.publisher.publish(GROUP)).toMatchObject({ status: "published", version: 2 });
  });

  test("is refused each time, and its lease is free for others", async () => {
    const { second } = await twoLedgers();
    for (let attempt = 0; attempt < 3; attempt++) {
      await second.ledger.append(success(`more${attempt}`));
      expect(await second.publisher.publish(GROUP)).toMatchObject({ status: "refused" });
    }
    expect(await second.ledger.lease(GROUP)).toMatchObject({ status: "taken" });
  });

  test("stops that group alone", async () => {
    const { second } = await twoLedgers();
    await second.ledger.append(success("a", undefined, { groupingKey: groupNumber(1) }));
    const publications = await second.publisher.publishAll();
    expect(publications.map(({ status }) => status)).toEqual(["refused", "published"]);
  });

  test("is noticed by the first one when it came first to a gateway without memory", async () => {
    const { first, second, gateway } = await twoLedgers();
    const { client, clock, ledger } = first;
    await gateway.restart();
    expect(await second.publisher.publish(GROUP)).toMatchObject({ status: "published" });
    const again = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    expect(await again.publish(GROUP)).toMatchObject({
      status: "refused",
      error: { theirs: { ledgerId: "second", version: 1 } },
    });
  });
});

test("older content of the same ledger at the gateway is simply replaced", async () => {
  const { ledger, publisher, gateway, client, clock, shown } = await startBench();
  await ledger.append(success("a"));
  await publisher.publish(GROUP);
  const old = gateway.requests.find(({ method }) => method === "PUT");
  await ledger.append(success("b"));
  await publisher.publish(GROUP);
  if (old !== undefined) await gateway.send(old);
  expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);

  const next = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
  expect(await next.publish(GROUP)).toMatchObject({ status: "published", version: 2 });
  expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
});

/** Two ledgers, one gateway: the first has published a run, the second has recorded one. */
async function twoLedgers() {
  const first = await startBench({ ledger: ledgerNamed("first") });
  const { gateway, shown } = first;
  const second = await startBench({ ledger: ledgerNamed("second"), gateway });
  await first.ledger.append(success("a"));
  await first.publisher.publish(GROUP);
  await second.ledger.append(success("b"));
  gateway.seen();
  return { first, second, gateway, shown };
}
