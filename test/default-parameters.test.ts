import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { createParameterStore } from "../src/config/ssm/parameter-store.ts";
import { type ConfiguredRuns, configuredRuns } from "../src/default-delivery.ts";
import { createRunJob } from "../src/run/run-job.ts";
import { type GuardedGateway, startGuardedGateway } from "./support/guarded-gateway.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  refusal,
  serveParameters,
} from "./support/parameter-store.ts";
import { removeStateDirectories, stateDirectory } from "./support/state-directory.ts";

const PATH = "/closing-bell/prod";

let gateway: GuardedGateway;
let ssm: ParameterServer;
/** Monotonic seconds. */
let clock: number;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  gateway = await startGuardedGateway("bell:first");
  ssm = await serveParameters({
    [`${PATH}/gateway-url`]: gateway.url.href,
    [`${PATH}/gateway-username`]: "bell",
    [`${PATH}/gateway-password`]: "first",
  });
  clock = 0;
  env = {
    CLOSING_BELL_SSM_PATH: PATH,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
});

afterEach(async () => {
  await gateway.close();
  await ssm.close();
});

afterAll(removeStateDirectories);

function runs(others: Readonly<Record<string, string>> = {}): ConfiguredRuns {
  const store = createParameterStore({
    region: "eu-west-1",
    endpoint: ssm.url.href,
    credentials: FAKE_CREDENTIALS,
    now: () => clock,
  });
  const sources = { env: { ...env, ...others }, cwd: "/", home: "/" };
  return configuredRuns(() => sources, { store });
}

async function deliveryOf(configured: ConfiguredRuns) {
  const { delivery } = await createRunJob(configured).settleJob({ job: "nightly" }, () => {});
  return delivery;
}

test.each([{ ledger: "a ledger" }, { ledger: "none" }])(
  "runs find their gateway in SSM, and ask once in 300 s: $ledger",
  async ({ ledger }) => {
    const configured = runs(ledger === "none" ? { CLOSING_BELL_LEDGER: "none" } : {});
    const delivered =
      ledger === "none"
        ? { status: "delivered" }
        : { status: "recorded", publication: { status: "published" } };

    expect(await deliveryOf(configured)).toMatchObject(delivered);
    expect(await deliveryOf(configured)).toMatchObject(delivered);
    expect(ssm.calls).toHaveLength(1);

    clock = 301;
    expect(await deliveryOf(configured)).toMatchObject(delivered);
    expect(ssm.calls).toHaveLength(2);
  },
);

test("a password that was rotated is taken over at the gateway's refusal", async () => {
  const configured = runs();
  await deliveryOf(configured);
  gateway.accepts = "bell:second";
  ssm.parameters.set(`${PATH}/gateway-password`, "second");
  clock = 20;

  expect(await deliveryOf(configured)).toMatchObject({ publication: { status: "published" } });
  expect(ssm.calls).toHaveLength(2);
});

test("a gateway that moved is followed when the parameters are fetched again", async () => {
  const configured = runs();
  await deliveryOf(configured);
  const other = await startGuardedGateway("bell:first");
  try {
    ssm.parameters.set(`${PATH}/gateway-url`, other.url.href);
    clock = 301;

    expect(await deliveryOf(configured)).toMatchObject({
      publication: { status: "published", gateway: other.url.origin },
    });
  } finally {
    await other.close();
  }
});

test("a run is recorded while SSM cannot be asked, and published once it can", async () => {
  const configured = runs();
  ssm.refusal = refusal("AccessDeniedException", "not authorized");

  expect(await deliveryOf(configured)).toMatchObject({
    status: "recorded",
    publication: { status: "refused", error: { code: "ERR_CONFIG" } },
  });

  ssm.refusal = undefined;
  clock = 20;
  expect(await deliveryOf(configured)).toMatchObject({ publication: { status: "published" } });
});

test("what was fetched serves on while SSM is down", async () => {
  const configured = runs();
  await deliveryOf(configured);
  ssm.refusal = refusal("InternalServerError", "down", 500);
  clock = 301;

  expect(await deliveryOf(configured)).toMatchObject({ publication: { status: "published" } });
});

test("preparing begins the fetch, and the delivery waits for that one", async () => {
  const configured = runs();
  const call = ssm.hold();
  configured.prepare();
  await call.arrived;
  const delivered = deliveryOf(configured);
  call.release();

  expect(await delivered).toMatchObject({ publication: { status: "published" } });
  expect(ssm.calls).toHaveLength(1);
});

test("who leaves publishing to others asks SSM for nothing", async () => {
  const configured = runs({ CLOSING_BELL_PUBLISH: "scheduled" });
  configured.prepare();

  expect(await deliveryOf(configured)).toMatchObject({
    status: "recorded",
    publication: { status: "waiting" },
  });
  expect(ssm.calls).toHaveLength(0);
});
