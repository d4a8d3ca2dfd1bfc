import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../config/config.ts";
import { configuredLedger } from "../../default-delivery.ts";
import { configuredClient } from "../../default-gateway.ts";
import { type GroupingKey, groupingKey } from "../../grouping-key.ts";
import { STRATEGY } from "../../jobs/backtest.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { createLedgerDelivery } from "../../publish/ledger-delivery.ts";
import { createPublisher, type Publisher } from "../../publish/publisher.ts";
import { createPushClient, type PushClient } from "../../push/client.ts";
import { type PushgatewayServer, startPushgateway } from "../../pushgateway/server.ts";
import { createRunJob, type RunJobs } from "../../run/run-job.ts";
import type { Io } from "../io.ts";
import { fetchedSources, type GatewayFlags } from "../target.ts";

/** What the demo plays on: a gateway, a ledger, and runs that deliver to them. */
export type Stage = {
  readonly client: PushClient;
  /** The gateway is the demo's own. */
  readonly embedded: boolean;
  /** The ledger's place. */
  readonly ledger: string;
  readonly publisher: Publisher;
  readonly runs: RunJobs;
  /** Runs whose gateway is not there. */
  readonly runsWithoutGateway: RunJobs;
  /** The gateway forgets the demo's group: its own restarts empty, another's group is deleted. */
  wipe(): Promise<void>;
  close(): Promise<void>;
};

/** The group of the demo's job. */
export const GROUP: GroupingKey = groupingKey("backtest", {
  strategy: STRATEGY,
  mode: "backtest",
});

/**
 * The configured gateway and ledger, so that the demo adds to what it left there before; without a
 * gateway an embedded one and a ledger in a temporary directory, both gone afterwards.
 */
export async function openStage(flags: GatewayFlags, io: Io): Promise<Stage> {
  const config = readConfig(await fetchedSources(flags, io));
  const temporary = mkdtempSync(join(tmpdir(), "cb-demo-"));
  const embedded = config.gateway === undefined ? await startPushgateway({}) : undefined;
  const place = embedded === undefined ? config.ledger : { type: "none" as const };
  const ledger = await configuredLedger(
    place.type === "none" ? { type: "files", directory: join(temporary, "state") } : place,
  );
  const client =
    config.gateway === undefined
      ? createPushClient({ url: embedded?.url ?? "" })
      : configuredClient(config.gateway);
  const publisher = publisherTo(client, ledger);

  const gone = await startPushgateway({});
  const nowhere = createPushClient({ url: gone.url });
  await gone.close();

  let own: PushgatewayServer | undefined = embedded;
  return {
    client,
    embedded: embedded !== undefined,
    ledger: ledger.place,
    publisher,
    runs: runsOver(ledger, publisher),
    runsWithoutGateway: runsOver(ledger, publisherTo(nowhere, ledger)),
    async wipe() {
      if (own === undefined) {
        await client.delete(GROUP);
        return;
      }
      const port = Number(own.url.port);
      await own.close();
      own = await startPushgateway({ port });
    },
    async close() {
      client.close();
      nowhere.close();
      await own?.close();
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** Values are shown at once: the demo has no Prometheus that must see a 0 first. */
function publisherTo(client: PushClient, ledger: Ledger): Publisher {
  return createPublisher({ ledger, client, scrapeIntervalSeconds: 0 });
}

function runsOver(ledger: Ledger, { publish }: Publisher): RunJobs {
  return createRunJob({
    delivery: createLedgerDelivery({
      ledger,
      // The demo tells what became of a record itself.
      log: () => {},
      publish: (group, signal) => publish(group, { signal }),
    }),
  });
}
