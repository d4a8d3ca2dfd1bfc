import { startPushgateway } from "../../src/pushgateway/server.ts";
import { findRealGateway, startRealGateway } from "./real-gateway.ts";

export type TestedGateway = {
  readonly name: "the embedded gateway" | "the real gateway";
  start(): Promise<{ readonly url: URL; close(): Promise<void> }>;
};

const binary = findRealGateway();

export const OURS: TestedGateway = {
  name: "the embedded gateway",
  start: () => startPushgateway(),
};

/** Missing where there is no real gateway, except where CI says that there must be one. */
export const REAL: TestedGateway | undefined =
  binary === undefined && !isCi()
    ? undefined
    : { name: "the real gateway", start: () => startRealGateway(foundBinary()) };

/** Both, so that what a test says of ours is known to be true of the real one. */
export const GATEWAYS: readonly TestedGateway[] = REAL === undefined ? [OURS] : [OURS, REAL];

export function foundBinary(): string {
  if (binary === undefined) throw new Error("no real Pushgateway found: npm run servers");
  return binary;
}

function isCi(): boolean {
  const { CI } = process.env;
  return Boolean(CI);
}
