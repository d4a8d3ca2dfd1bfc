import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { createParameterStore } from "../src/config/ssm/parameter-store.ts";
import { type CurrentReporter, createCurrentReporter } from "../src/current-reporter.ts";
import type { ConfiguredReporter } from "../src/default-reporter.ts";
import { gate } from "./lambda/lambda-functions.ts";
import { type GuardedGateway, startGuardedGateway } from "./support/guarded-gateway.ts";
import { serve, type TestServer } from "./support/http-server.ts";
import {
  FAKE_CREDENTIALS,
  type ParameterServer,
  refusal,
  serveParameters,
} from "./support/parameter-store.ts";
import { removeStateDirectories, stateDirectory } from "./support/state-directory.ts";

const TOKEN = "/closing-bell/prod/broker-token";
const GOES_ON = new AbortController().signal;

let gateway: GuardedGateway;
let broker: TestServer;
let ssm: ParameterServer;
/** Monotonic seconds. */
let clock: number;
let problems: string[];
let current: CurrentReporter;

beforeEach(async () => {
  gateway = await startGuardedGateway("bell:first");
  broker = await serve((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"equity": 7}');
  });
  ssm = await serveParameters({ [TOKEN]: "one" });
  clock = 0;
  problems = [];
  const cwd = stateDirectory();
  mkdirSync(cwd);
  writeFileSync(
    join(cwd, "closing-bell.json"),
    JSON.stringify({
      sources: {
        mode: "live",
        portfolio: {
          type: "http",
          url: broker.url.href,
          token: { ssm: TOKEN },
          fields: { equity: "equity" },
        },
      },
    }),
  );
  const env = {
    PUSHGATEWAY_URL: gateway.url.href.replace("//", "//bell:first@"),
    CLOSING_BELL_STATE_DIR: join(cwd, "state"),
  };
  current = createCurrentReporter({
    sources: () => ({ env, cwd, home: cwd }),
    store: createParameterStore({
      region: "eu-west-1",
      endpoint: ssm.url.href,
      credentials: FAKE_CREDENTIALS,
      now: () => clock,
    }),
    onProblem: (problem) => problems.push(problem.message),
  });
});

afterEach(async () => {
  current.close();
  await gateway.close();
  await broker.close();
  await ssm.close();
});

afterAll(removeStateDirectories);

function look() {
  return current.use((reporter) => reporter.look(GOES_ON), GOES_ON);
}

/** The token that the broker saw last. */
function shownToken(): string | undefined {
  return broker.requests.at(-1)?.headers.authorization;
}

test("a secret that was rotated in SSM is used once it is fetched again", async () => {
  expect(await look()).toMatchObject({ push: { status: "delivered" } });
  expect(shownToken()).toBe("Bearer one");

  ssm.parameters.set(TOKEN, "two");
  await look();
  expect(shownToken()).toBe("Bearer one");

  clock = 301;
  await look();
  expect(shownToken()).toBe("Bearer two");
  expect(problems).toEqual([]);
});

test("the same reporter serves while nothing changes", async () => {
  const seen = new Set<ConfiguredReporter>();
  for (const at of [0, 301, 602]) {
    clock = at;
    await current.use(async (reporter) => seen.add(reporter));
  }
  expect(seen.size).toBe(1);
});

test.each([
  { name: "SSM is down", break: () => (ssm.refusal = refusal("InternalServerError", "down", 500)) },
  { name: "the parameter is gone", break: () => ssm.parameters.delete(TOKEN) },
])("$name: the reporter goes on as before, and says so", async ({ break: breakIt }) => {
  await look();
  breakIt();
  clock = 301;

  expect(await look()).toMatchObject({ push: { status: "delivered" } });
  expect(shownToken()).toBe("Bearer one");
  expect(problems).toEqual([expect.stringContaining(TOKEN)]);
});

test("without a first configuration there is no reporter, and the next try makes one", async () => {
  ssm.refusal = refusal("AccessDeniedException", "not authorized");
  await expect(look()).rejects.toMatchObject({ code: "ERR_CONFIG" });

  ssm.refusal = undefined;
  clock = 20;
  expect(await look()).toMatchObject({ push: { status: "delivered" } });
});

test("a reporter that is replaced stays open until its last use is over", async () => {
  const using = gate();
  const begun = gate<ConfiguredReporter>();
  const use = current.use(async (reporter) => {
    begun.open(reporter);
    await using.passed;
    return reporter.look(GOES_ON);
  });
  const old = await begun.passed;
  ssm.parameters.set(TOKEN, "two");
  clock = 301;
  expect(await current.use(async (reporter) => reporter !== old)).toBe(true);
  using.open();

  expect(await use).toMatchObject({ push: { status: "delivered" } });
  expect(shownToken()).toBe("Bearer one");
});
