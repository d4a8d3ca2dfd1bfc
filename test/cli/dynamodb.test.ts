import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { CREDENTIALS, type DynamodbServer, startDynamodb } from "../support/dynamodb.ts";

jest.setTimeout(90_000);

let server: DynamodbServer;
let gateway: PushgatewayServer;
beforeAll(async () => {
  server = await startDynamodb();
});
afterEach(() => gateway?.close());
afterAll(() => server.close());

/** As the AWS SDK itself is told of it. */
const AWS = {
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_EC2_METADATA_DISABLED: "true",
};

/** New series show their values with the first publish. */
const AT_ONCE = { CLOSING_BELL_SCRAPE_INTERVAL: "0" };

const place = async () => ({
  ...AWS,
  AWS_REGION: "eu-central-1",
  AWS_ENDPOINT_URL_DYNAMODB: server.url.origin,
  CLOSING_BELL_LEDGER: `dynamodb:${(await server.createTable()).table}`,
});

describe("with a ledger in DynamoDB", () => {
  test("a command is recorded and published, and the ledger shown", async () => {
    gateway = await startPushgateway({});
    const env = { ...(await place()), PUSHGATEWAY_URL: gateway.url.href, ...AT_ONCE };
    for (let count = 0; count < 2; count++) {
      expect(await runCli(["run", "-j", "nightly", "--", "true"], { env })).toMatchObject({
        code: 0,
      });
    }
    const shown = await (await fetch(new URL("metrics", gateway.url))).text();
    expect(shown).toMatch(/batch_job_runs_total\{[^}]*outcome="succeeded"[^}]*\} 2\n/);
    const ledger = await runCli(["ledger", "show"], { env });
    expect(ledger).toMatchObject({ code: 0, stderr: "" });
    expect(ledger.stdout).toContain(` in ${env.CLOSING_BELL_LEDGER}, 1 group`);
    const healthy = await runCli(["doctor", "--json"], { env });
    expect(healthy.stdout).toMatch(/"name":"ledger.totals","status":"ok"/);
  });

  test("what rebuilds files is refused", async () => {
    const env = await place();
    const { code, stderr } = await runCli(["ledger", "repair"], { env });
    expect(code).toBe(2);
    expect(stderr).toContain(`this one is ${env.CLOSING_BELL_LEDGER}`);
  });

  test.each([
    { what: "region", unset: "AWS_REGION", says: "no region is known: set AWS_REGION" },
    { what: "credentials", unset: "AWS_ACCESS_KEY_ID", says: "give a role" },
  ])("no $what is said in one line, and the job's outcome stays", async ({ unset, says }) => {
    const { [unset]: _, ...env } = { ...(await place()) } as Record<string, string>;
    const { code, stderr } = await runCli(["ledger", "show"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain(CREDENTIALS.secretAccessKey);
    expect(await runCli(["run", "-j", "nightly", "--", "true"], { env })).toMatchObject({
      code: 0,
    });
  });
});
