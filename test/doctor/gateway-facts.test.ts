import { afterEach, describe, expect, test } from "@jest/globals";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { describeWithServer, startRealServer } from "../support/servers.ts";
import { examined, troubles } from "./examined.ts";

const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe("gateway.version", () => {
  test.each([
    { version: "1.11.3", status: "ok version 1.11.3" },
    { version: "1.6.0", status: "ok " },
    { version: "2.0.0-rc.1", status: "ok " },
    { version: "1.5.1+ds", status: "warning version 1.5.1+ds takes a push that was cut off" },
    { version: "0.10.0", status: "warning version 0.10.0 takes a push that was cut off" },
    { version: "unknown", status: 'warning version "unknown": could not tell whether it is 1.6' },
  ])("$version: $status", async ({ version, status }) => {
    const { url } = await scripted({ version });

    const { ok, said } = await examined({ gatewayUrl: url.href });

    expect(ok).toBe(true);
    expect(said["gateway.version"]?.slice(0, status.length)).toBe(status);
  });

  test("fails where something else answers 200 to everything", async () => {
    const server = await serve((_, response) => response.end("{}"));
    servers.push(server);

    const { ok, said } = await examined({ gatewayUrl: server.url.href });

    expect(ok).toBe(false);
    expect(said).toMatchObject({
      "gateway.version": expect.stringMatching(
        /^failed GET \/api\/v1\/status at .*: the answer is not a Pushgateway's/,
      ),
      "gateway.consistency-check": "skipped needs gateway.version",
      "gateway.persistence-file": "skipped needs gateway.version",
      "gateway.scrape": expect.stringMatching(/^failed .*Prometheus cannot read it/),
      "gateway.groups": expect.stringMatching(/^failed .*is not a Pushgateway's/),
    });
  });
});

describe("gateway.scrape", () => {
  test("fails when the gateway is ready and its scrape is a 500, and says whom that hits", async () => {
    const { url } = await scripted({ scrape: { status: 500, body: 'collected metric "a" twice' } });

    const examination = await examined({ gatewayUrl: url.href });

    expect(troubles(examination)).toEqual(["gateway.scrape"]);
    expect(examination.said["gateway.scrape"]).toMatch(
      /^failed GET \/metrics at .*: refused \(500\): collected metric "a" twice; as long as it does, Prometheus gets nothing from this gateway, of no group: delete the group/,
    );
  });

  test("fails when it is cut off", async () => {
    const { url } = await scripted({ scrape: { status: 200, body: "a 1\nb 2" } });

    const { said } = await examined({ gatewayUrl: url.href });

    expect(said["gateway.scrape"]).toMatch(
      /^failed GET \/metrics at .*: 200, but Prometheus cannot read it \(text format parsing error in line 2/,
    );
  });
});

test("gateway.groups warns of groups whose last push was refused", async () => {
  const gateway = await startPushgateway();
  servers.push(gateway);
  for (const { job, body } of [
    { job: "good", body: "a 1\n" },
    { job: "bad", body: "a 1 1000\n" },
  ]) {
    await fetch(new URL(`/metrics/job/${job}/desk/x`, gateway.url), { method: "PUT", body });
  }

  const { ok, said } = await examined({ gatewayUrl: gateway.url.href });

  expect(ok).toBe(true);
  expect(said["gateway.groups"]).toBe(
    'warning the last push to {job="bad",desk="x"} was refused (1 of 2 groups): whoever pushes it was told why; what it shows is older',
  );
});

describeWithServer("pushgateway")("of the real Pushgateway", () => {
  test("persistence file and switched-off consistency check are seen", async () => {
    const file = "/tmp/closing-bell-doctor-never-written";
    const gateway = await startRealServer({
      name: "pushgateway",
      args: (address) => [
        `--web.listen-address=${address}`,
        `--persistence.file=${file}`,
        "--persistence.interval=1h",
        "--push.disable-consistency-check",
      ],
    });

    const examination = await examined({ gatewayUrl: gateway.url.href });
    await gateway.stop();

    expect(examination.ok).toBe(true);
    expect(troubles(examination)).toEqual(
      expect.arrayContaining(["gateway.consistency-check", "gateway.persistence-file"]),
    );
    expect(examination.said["gateway.persistence-file"]).toMatch(
      new RegExp(`^warning ${file}: a gateway that restarts comes back with old data`),
    );
    expect(examination.said["gateway.consistency-check"]).toMatch(
      /^warning off \(--push\.disable-consistency-check\)/,
    );
  });
});

/** A gateway that is well but for what is given. */
async function scripted({
  version = "1.11.3",
  scrape = { status: 200, body: "# TYPE a gauge\na 1\n" },
}: {
  readonly version?: string;
  readonly scrape?: { readonly status: number; readonly body: string };
}): Promise<TestServer> {
  const server = await serve(({ url }, response) => {
    switch (url) {
      case "/-/ready":
        response.end("OK");
        break;
      case "/metrics":
        response.writeHead(scrape.status).end(scrape.body);
        break;
      case "/api/v1/status": {
        const data = {
          build_information: { version },
          flags: {},
          start_time: "2026-11-23T00:00:00Z",
        };
        response.end(JSON.stringify({ status: "success", data }));
        break;
      }
      default:
        response.end(JSON.stringify({ status: "success", data: [] }));
    }
  });
  servers.push(server);
  return server;
}
