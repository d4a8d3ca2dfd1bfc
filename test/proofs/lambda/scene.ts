import { gunzipSync } from "node:zlib";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { parseExposition } from "../../../src/metrics/exposition/parse.ts";
import { decodeRecord } from "../../../src/record/encoding.ts";
import { REPORTER_JOB } from "../../../src/reporter/report.ts";
import type { DynamodbServer, PlainItem } from "../../support/dynamodb.ts";
import { type Invocation, type LambdaFunction, startLambda } from "../../support/lambda-runtime.ts";
import { type ParameterServer, serveParameters } from "../../support/parameter-store.ts";
import { type RealPushgateway, startRealPushgateway } from "../../support/servers.ts";
import { type FunctionName, taskRoot } from "./functions.ts";
import { type Relay, startRelay } from "./relay.ts";

/** What all scenes share. */
export type Stage = {
  readonly dynamodb: DynamodbServer;
  /** Paths of bundles. */
  readonly bundles: Readonly<Record<FunctionName | "errands", string>>;
  /** URLs, in the form that each job takes. */
  readonly prices: { readonly backtest: string; readonly analysis: string };
};

/** An account of AWS with a table and parameters of its own, and a gateway. */
export type Scene = {
  readonly table: string;
  readonly ledger: Ledger;
  readonly parameters: ParameterServer;
  /** In front of the table, and of the real Pushgateway: what the functions reach. */
  readonly relays: { readonly table: Relay; readonly gateway: Relay };
  /** A function that was deployed here. */
  readonly deploy: (
    name: FunctionName | "errands",
    environment?: Readonly<Record<string, string>>,
  ) => LambdaFunction;
  /** How the runs ended that were recorded since the last call, published or not. */
  readonly recorded: () => Promise<readonly string[]>;
  /** What a series on the gateway shows, undefined when it is not there. */
  readonly shown: (
    name: string,
    labels?: Readonly<Record<string, string>>,
  ) => Promise<number | undefined>;
  /**
   * Runs of a job that succeeded, as the gateway shows them.
   *
   * @param userInfo `user:password`, for a gateway that wants one.
   */
  readonly runs: (job: string, userInfo?: string) => Promise<number>;
  /** All that is in the table. */
  readonly items: () => Promise<readonly PlainItem[]>;
};

export const SSM_PATH = "/closing-bell/test";

export type SceneOptions = {
  /** Instead of a real Pushgateway of its own. */
  readonly gateway?: Pick<RealPushgateway, "url">;
  /** Parameters beside the gateway's URL, by what follows the path. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** `closing-bell.json`. */
  readonly configuration?: object;
};

const closings: (() => Promise<void>)[] = [];

/** Called by {@link closeScenes}, the last one first. */
export function closeLater(close: () => Promise<void>): void {
  closings.push(close);
}

/** Ends the functions of all scenes, and what they talked to. For `afterEach` or `afterAll`. */
export async function closeScenes(): Promise<void> {
  for (const close of closings.splice(0).reverse()) await close();
}

export async function openScene(
  { dynamodb, bundles }: Stage,
  { gateway, parameters: given = {}, configuration = {} }: SceneOptions = {},
): Promise<Scene> {
  const { table, ...place } = await dynamodb.createTable();
  const shownAt = gateway ?? (await startRealPushgateway());
  const relays = {
    table: await startRelay(dynamodb.url),
    gateway: await startRelay(shownAt.url),
  };
  closeLater(relays.table.close);
  closeLater(relays.gateway.close);
  const parameters = await serveParameters(
    Object.fromEntries(
      Object.entries({ "gateway-url": (gateway ?? relays.gateway).url.origin, ...given }).map(
        ([name, value]) => [`${SSM_PATH}/${name}`, value],
      ),
    ),
  );
  closeLater(parameters.close);
  const ledger = createDynamodbLedger({ table, ...place });
  const seen = new Set<string>();

  return {
    table,
    ledger,
    parameters,
    relays,
    deploy(name, environment = {}) {
      const deployed = startLambda({
        name,
        taskRoot: taskRoot(bundles[name], configuration),
        environment: {
          CLOSING_BELL_LEDGER: `dynamodb:${table}`,
          CLOSING_BELL_PUBLISH: "scheduled",
          CLOSING_BELL_SSM_PATH: SSM_PATH,
          // Values at once: births have proofs of their own.
          CLOSING_BELL_SCRAPE_INTERVAL: "0",
          AWS_ENDPOINT_URL_DYNAMODB: relays.table.url.origin,
          AWS_ENDPOINT_URL_SSM: parameters.url.origin,
          ...environment,
        },
      });
      closeLater(deployed.close);
      return deployed;
    },
    async recorded() {
      const ends: string[] = [];
      for (const item of await dynamodb.items(table)) {
        const packed = item["record"]?.["B"];
        if (packed === undefined) continue;
        const decoded = decodeRecord(gunzipSync(Buffer.from(packed, "base64")));
        if (decoded.status !== "record") throw new Error(`a record of format ${decoded.format}`);
        const { id, group, outcome } = decoded.record;
        if (outcome === undefined || seen.has(id)) continue;
        seen.add(id);
        ends.push(group.job === REPORTER_JOB ? `${outcome} (reporter)` : outcome);
      }
      return ends.sort();
    },
    shown: (name, labels) => shown(shownAt.url, { name, ...(labels && { labels }) }),
    runs: async (job, userInfo) =>
      (await shown(shownAt.url, {
        name: "batch_job_runs_total",
        labels: { job, outcome: "succeeded" },
        ...(userInfo === undefined ? {} : { userInfo }),
      })) ?? 0,
    items: () => dynamodb.items(table),
  };
}

async function shown(
  gateway: URL,
  {
    name,
    labels = {},
    userInfo,
  }: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly userInfo?: string;
  },
): Promise<number | undefined> {
  const headers =
    userInfo === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(userInfo).toString("base64")}` };
  const text = await (await fetch(new URL("/metrics", gateway), { headers })).text();
  for (const family of parseExposition(text)) {
    if (family.name !== name || family.type === "histogram" || family.type === "summary") continue;
    const sample = family.samples.find((each) =>
      Object.entries(labels).every(([label, value]) => each.labels[label] === value),
    );
    if (sample !== undefined) return sample.value;
  }
  return undefined;
}

/** Lines for CloudWatch's metric, as they were written. */
export function failuresIn({ logs }: Invocation) {
  return logs.flatMap((line) => {
    const document = line.startsWith("{") ? JSON.parse(line) : {};
    return document.ReportingFailures === 1 ? [document] : [];
  });
}

/** Lambda's default time. */
export const DEFAULT = { timeoutMs: 3000 };

/** For invocations whose time is not the point, on a machine that has other things to do. */
export const PATIENT = { timeoutMs: 60_000 };
