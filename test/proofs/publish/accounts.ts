import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import { look } from "../../../src/publish/look.ts";
import { createPublisher, type Publisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import { GROUP, sampleValue } from "../../support/run-records.ts";
import { COUNTER } from "./sightings.ts";

export type Account = {
  /** Runs that the ledger has no mark of, and runs that the gateway does not count. */
  readonly lost: number;
  readonly double: number;
};

/** The total that the gateway shows. */
export async function shownTotal(gateway: URL): Promise<number> {
  const client = createPushClient({ url: gateway });
  const { families } = await look(client, GROUP);
  client.close();
  return sampleValue(families, COUNTER, { outcome: "succeeded" }) ?? 0;
}

/** Compares what the gateway shows with the runs that were recorded, each of which has to count once. */
export async function accountOf(
  directory: string,
  gateway: URL,
  ids: readonly string[],
): Promise<Account> {
  const marks = new Set<string>();
  for await (const { record } of createFileLedger({ directory }).doneMarks(GROUP)) {
    marks.add(record.id);
  }
  const unmarked = ids.filter((id) => !marks.has(id)).length;
  const surplus = (await shownTotal(gateway)) - (ids.length - unmarked);
  return { lost: unmarked + Math.max(0, -surplus), double: Math.max(0, surplus) };
}

/** Ticks, of at most two, until the gateway shows a total. */
export async function ticksUntil(total: number, publisher: Publisher, gateway: URL) {
  let ticks = 0;
  for (; ticks < 2 && (await shownTotal(gateway)) !== total; ticks++) await publisher.publishAll();
  return ticks;
}

/** A publisher in this process, whom nothing makes give up early. */
export function patientPublisher(
  directory: string,
  gateway: URL,
  others: Partial<Parameters<typeof createPublisher>[0]> = {},
): Publisher {
  return createPublisher({
    ledger: createFileLedger({ directory }),
    client: createPushClient({ url: gateway, timeoutMs: 30_000 }),
    groupTimeoutMs: 60_000,
    scrapeIntervalSeconds: 0,
    ...others,
  });
}
