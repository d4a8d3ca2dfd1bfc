import { afterAll, afterEach, beforeAll } from "@jest/globals";
import {
  createDynamodbLedger,
  type DynamodbLedgerOptions,
} from "../../../src/ledger/dynamodb-ledger.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import {
  type DynamodbPlace,
  type DynamodbServer,
  operationOf,
  placeOf,
  startDynamodb,
} from "../../support/dynamodb.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";

/** What a proxy does with a request, told by its operation and how many of this one came before. */
export type FaultPlan = (operation: string, index: number, body: string) => Fault | undefined;

/** For tests that are not about time, on machines that have little of it. */
export const PATIENT_MS = 30_000;

export type Bench = {
  readonly ledger: Ledger;
  readonly place: DynamodbPlace;
  /** Requests since the last call, repetitions included, e.g. `PutItem`. */
  readonly seen: () => readonly string[];
  readonly proxy: FaultProxy;
};

/** One emulator for the tests of a file, and a table, with a proxy in front of it, for each of them. */
export function useDynamodb() {
  let server: DynamodbServer;
  const proxies: FaultProxy[] = [];
  beforeAll(async () => {
    server = await startDynamodb();
  });
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  afterAll(() => server.close());

  async function startBench(
    plan: FaultPlan = () => undefined,
    options: Partial<DynamodbLedgerOptions> = {},
    upstream: URL = server.url,
  ): Promise<Bench> {
    const { table } = await server.createTable();
    const counts = new Map<string, number>();
    const proxy = await startFaultProxy(upstream, ({ headers, body }) => {
      const operation = operationOf(headers);
      const index = counts.get(operation) ?? 0;
      counts.set(operation, index + 1);
      return plan(operation, index, body.toString("utf8")) ?? { type: "pass" };
    });
    proxies.push(proxy);
    const place = placeOf(table, proxy.url);
    let told = 0;
    return {
      place,
      proxy,
      ledger: createDynamodbLedger({ requestTimeoutMs: PATIENT_MS, ...place, ...options }),
      seen() {
        const fresh = proxy.requests.slice(told);
        told += fresh.length;
        return fresh.map(({ headers }) => operationOf(headers));
      },
    };
  }

  return { server: () => server, startBench };
}
