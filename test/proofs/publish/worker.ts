import { readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import type { Ledger, StateItem } from "../../../src/ledger/ledger.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import { GROUP, success } from "../../support/run-records.ts";

/** What a worker is told, as JSON on its command line. */
export type WorkerOrders = {
  readonly directory: string;
  readonly gateway: string;
  /** It records the runs `<name>-<from>` to `<name>-<to>`, the last one left out, and publishes after each. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Longest pause before a run, in milliseconds: what it really is is random. Default 0. */
  readonly pauseMs?: number;
  /** Taken away, for proofs that they are needed. */
  readonly without?: "lease" | "barrier";
  /** Where this network namespace's own port leads, by a Unix socket. */
  readonly bridge?: { readonly port: number; readonly socket: string };
};

/**
 * Records and publishes until it is done or killed. Tells what it does on standard output, a line at a
 * time: a pipe takes a short line whole.
 */
async function work(orders: WorkerOrders): Promise<void> {
  const { directory, name, from, to, pauseMs = 0, without, ...network } = orders;
  if (network.bridge !== undefined) await startBridge(network.bridge);
  tell("network", readlinkSync("/proc/self/ns/net"));
  const files = createFileLedger({ directory });
  const ledger = without === "lease" ? leaseless(files) : files;
  const publisher = createPublisher({
    ledger,
    // Generous: nothing is given up because others keep the processors busy.
    client: createPushClient({ url: network.gateway, timeoutMs: 30_000 }),
    groupTimeoutMs: 60_000,
    scrapeIntervalSeconds: 0,
    ...(without === "barrier" ? { barrier: async () => {} } : {}),
  });
  for (let index = from; index < to; index++) {
    await sleep(Math.random() * pauseMs);
    await ledger.append(success(`${name}-${index}`));
    tell("appended", `${index}`);
    const publication = await publisher.publish(GROUP);
    const { status } = publication;
    tell(status, "error" in publication ? `${publication.error.stack}` : "");
  }
}

function tell(...facts: readonly string[]): void {
  process.stdout.write(`${facts.join(" ").replaceAll("\n", " | ")}\n`);
}

/** Everybody gets the lease, and notes for himself what was sent. */
function leaseless(ledger: Ledger): Ledger {
  let state: StateItem | undefined;
  return {
    ...ledger,
    lease: async () => ({
      status: "taken",
      lease: {
        readState: async () => state,
        async writeState(item) {
          state = item;
        },
        release: async () => {},
      },
    }),
  };
}

/** A port of this namespace whose connections go on over a Unix socket, which namespaces share. */
function startBridge({ port, socket }: { port: number; socket: string }): Promise<void> {
  const server = createServer((near) => {
    const far = connect(socket);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    near.unref();
    far.unref();
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve).unref();
  });
}

await work(JSON.parse(process.argv[2] ?? ""));
// Kept-alive connections would keep it from ending.
process.exit();
