import { afterAll, beforeAll } from "@jest/globals";
import { type DynamodbServer, startDynamodb } from "../../support/dynamodb.ts";
import { describeWithLambda } from "../../support/lambda-runtime.ts";
import { describeWithServer } from "../../support/servers.ts";
import { removeStateDirectories } from "../../support/state-directory.ts";
import { printBoard } from "./board.ts";
import { errandCases } from "./errand-cases.ts";
import { functionCases } from "./function-cases.ts";
import { bundleErrands, bundleFunctions } from "./functions.ts";
import { gatewayCases } from "./gateway-cases.ts";
import { writePrices } from "./prices.ts";
import type { Stage } from "./scene.ts";
import { serviceCases } from "./service-cases.ts";
import { streamCases } from "./stream-cases.ts";

describeWithServer("pushgateway")("with a real Pushgateway", () => {
  describeWithLambda("functions as they are deployed", proofs);
});

function proofs(): void {
  let dynamodb: DynamodbServer;
  let bundles: Stage["bundles"];
  let prices: Stage["prices"];
  const stage = (): Stage => ({ dynamodb, bundles, prices });

  beforeAll(async () => {
    const built = Object.fromEntries(bundleFunctions().map(({ name, file }) => [name, file]));
    bundles = { ...built, errands: bundleErrands() } as Stage["bundles"];
    prices = writePrices();
    dynamodb = await startDynamodb();
  }, 60_000);
  afterAll(async () => {
    await dynamodb.close();
    removeStateDirectories();
    printBoard();
  });

  errandCases(stage);
  functionCases(stage);
  streamCases(stage);
  gatewayCases(stage);
  serviceCases(stage);
}
