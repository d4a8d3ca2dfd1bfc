import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createParameterStore } from "../src/config/ssm/parameter-store.ts";
import { readConfigWithParameters } from "../src/config/ssm/with-parameters.ts";
import { configuredClient } from "../src/default-gateway.ts";
import { groupingKey } from "../src/grouping-key.ts";
import { expositionOfText } from "../src/push/body.ts";
import type { PushClient } from "../src/push/client.ts";
import { type GuardedGateway, startGuardedGateway } from "./support/guarded-gateway.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  refusal,
  serveParameters,
} from "./support/parameter-store.ts";

const PATH = "/closing-bell/prod";
const KEY = groupingKey("nightly");
const BODY = expositionOfText(KEY, "# TYPE rows gauge\nrows 7\n");

let gateway: GuardedGateway;
let ssm: ParameterServer;
/** Monotonic seconds. */
let clock: number;
let cwd: string;
let client: PushClient;

beforeEach(async () => {
  gateway = await startGuardedGateway("bell:first");
  ssm = await serveParameters({
    [`${PATH}/gateway-url`]: gateway.url.href,
    [`${PATH}/gateway-username`]: "bell",
    [`${PATH}/gateway-password`]: "first",
  });
  clock = 0;
  cwd = mkdtempSync(join(tmpdir(), "closing-bell-rotation-"));
  const store = createParameterStore({
    region: "eu-west-1",
    endpoint: ssm.url.href,
    credentials: FAKE_CREDENTIALS,
    now: () => clock,
  });
  const sources = { env: { CLOSING_BELL_SSM_PATH: PATH }, cwd, home: cwd };
  const config = await readConfigWithParameters(sources, store);
  if (config.gateway === undefined) throw new Error("there is no gateway");
  client = configuredClient(config.gateway, {}, { sources, store });
});

afterEach(async () => {
  client.close();
  rmSync(cwd, { recursive: true, force: true });
  await gateway.close();
  await ssm.close();
});

function rotate(password: string): void {
  gateway.accepts = `bell:${password}`;
  ssm.parameters.set(`${PATH}/gateway-password`, password);
}

test("a password that is changed at the gateway and in SSM is taken over with the next push", async () => {
  await client.push(KEY, BODY);
  rotate("second");

  await Promise.all(Array.from({ length: 20 }, () => client.push(KEY, BODY)));
  clock += 10;
  rotate("third");
  await client.push(KEY, BODY);

  expect(ssm.calls).toHaveLength(3);
});

test("a password that is wrong does not hammer SSM, and is told each time", async () => {
  gateway.accepts = "bell:changed there alone";

  for (let push = 0; push < 5; push++) {
    await expect(client.push(KEY, BODY)).rejects.toThrow("refused (401)");
  }

  expect(ssm.calls).toHaveLength(2);
  // No push was repeated with the password that had just been refused.
  expect(gateway.requests).toHaveLength(5);
});

test("a gateway that refuses us while SSM does, too: both are told, no secret is", async () => {
  gateway.accepts = "bell:other";
  ssm.refusal = refusal("AccessDeniedException", "no");

  const error = await client.push(KEY, BODY).catch((thrown: Error) => thrown);

  expect(String(error)).toMatch(/refused \(401\).*could not be looked up: SSM parameters .*Access/);
  expect(String(error)).not.toMatch(/first|fake-secret|fake-token/);
});

test("a password that belongs to another gateway by now is not sent to this one", async () => {
  rotate("second");
  ssm.parameters.set(`${PATH}/gateway-url`, "http://127.0.0.1:1");

  await expect(client.push(KEY, BODY)).rejects.toThrow("refused (401)");

  expect(gateway.requests).toHaveLength(1);
});
