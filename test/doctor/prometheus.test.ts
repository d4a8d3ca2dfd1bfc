import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseGatewayUrl } from "../../src/gateway-url.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { freePort } from "../support/free-port.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { type RealPrometheus, startPrometheus } from "../support/prometheus.ts";
import {
  describeWithServer,
  type RealPushgateway,
  startRealPushgateway,
} from "../support/servers.ts";
import { pem, serveSockets } from "../support/socket-server.ts";
import { type Examined, examined, type Given, temporaryFolder } from "./examined.ts";

describeWithServer("prometheus", "pushgateway")("of a real Prometheus", () => {
  /** A name that YAML has to quote. */
  const ODD_NAME = `it's: "odd" #1`;
  let honored: RealPushgateway;
  let ignored: PushgatewayServer;
  let alone: PushgatewayServer;
  let gone: URL;
  let prometheus: RealPrometheus;

  beforeAll(async () => {
    honored = await startRealPushgateway();
    ignored = await startPushgateway();
    alone = await startPushgateway();
    gone = new URL(`http://127.0.0.1:${await freePort()}`);
    prometheus = await startPrometheus({
      scrapeIntervalMs: 500,
      targets: [
        { job: "before", url: new URL("http://127.0.0.1:1"), honorLabels: true },
        { job: ODD_NAME, url: honored.url, honorLabels: true },
        { job: "ignoring", url: ignored.url, honorLabels: false },
        { job: "gone", url: gone, honorLabels: true },
      ],
    });
    await prometheus.awaitScrapes(ODD_NAME, 1);
    await prometheus.awaitScrapes("gone", 1, "badly");
  });

  afterAll(async () => {
    await prometheus.stop();
    await honored.stop();
    await ignored.close();
    await alone.close();
  });

  test("honor_labels, the target and its interval are well", async () => {
    const { ok, said } = await ask({ gatewayUrl: honored.url.href });

    expect(ok).toBe(true);
    expect(ofPrometheus(said)).toEqual({
      "prometheus.target": `ok ${prometheus.url.origin} scrapes ${honored.url.href}metrics (scrape job ${JSON.stringify(ODD_NAME)})`,
      "prometheus.honor-labels": `ok the scrape job ${JSON.stringify(ODD_NAME)} has honor_labels: true`,
      "prometheus.scrape-interval": "ok every 0.5 s, and scrapeIntervalSeconds is 60",
    });
  });

  test("a scrape job without honor_labels fails, and is named", async () => {
    const { ok, said } = await ask({ gatewayUrl: ignored.url.href });

    expect(ok).toBe(false);
    expect(said["prometheus.honor-labels"]).toMatch(
      /^failed the scrape job "ignoring" of http:\S+ does not honor labels: it shows job="nightly" as exported_job="nightly"/,
    );
  });

  test("a gateway that Prometheus knows by another name is told by its start time", async () => {
    const url = new URL(honored.url);
    url.hostname = "gw.example";

    const { said } = await ask({
      gatewayUrl: url.href,
      lookup: async () => [{ address: "127.0.0.1", family: 4 }],
    });

    expect(said["prometheus.target"]).toContain(`scrapes ${honored.url.href}metrics (scrape job`);
    expect(said["prometheus.honor-labels"]).toMatch(/^ok /);
  });

  test("a gateway that it does not scrape is not guessed at", async () => {
    const { ok, said } = await ask({ gatewayUrl: alone.url.href });

    expect(ok).toBe(true);
    expect(said["prometheus.target"]).toMatch(
      /^warning could not tell that http:\S+ scrapes this gateway: it scrapes http:\S+, http:\S+, http:\S+, others, and of none/,
    );
    const without = "skipped could not tell which target of Prometheus this gateway is";
    expect(said["prometheus.honor-labels"]).toBe(without);
    expect(said["prometheus.scrape-interval"]).toBe(without);
  });

  test("a target that is down fails with what Prometheus says, and its settings are looked at", async () => {
    const { said } = await ask({ gatewayUrl: gone.href });

    expect(said["prometheus.target"]).toMatch(
      /^failed http:\S+ cannot scrape http:\S+ \(scrape job "gone"\): .*connection refused; until it can/,
    );
    expect(said["prometheus.honor-labels"]).toMatch(/^ok /);
  });

  test("an interval that is longer than the configured one is warned of", async () => {
    const interval = (CLOSING_BELL_SCRAPE_INTERVAL: string) =>
      ask({ gatewayUrl: honored.url.href, env: { CLOSING_BELL_SCRAPE_INTERVAL } });

    const shorter = await interval("0.25");
    const none = await interval("0");

    expect(shorter.said["prometheus.scrape-interval"]).toMatch(
      /^warning every 0\.5 s, but scrapeIntervalSeconds is 0\.25: .* set CLOSING_BELL_SCRAPE_INTERVAL=0\.5$/,
    );
    expect(none.said["prometheus.scrape-interval"]).toMatch(/^ok every 0\.5 s; new series are not/);
  });

  function ask(given: Given): Promise<Examined> {
    return examined({ ...given, prometheus: parseGatewayUrl(prometheus.url) });
  }
});

describe("without a Prometheus", () => {
  test("one line says how to have it looked at", async () => {
    const { said } = await examined({});

    expect(ofPrometheus(said)).toEqual({
      "prometheus.honor-labels": "skipped give --prometheus URL to have it looked at",
    });
  });

  test.each<{ name: string; status: number; body: string; user?: string; said: RegExp }>([
    {
      name: "something else",
      status: 200,
      body: "OK",
      said: /^failed GET \/api\/v1\/targets at http:\S+: 200, but the answer is not Prometheus's: OK; check --prometheus$/,
    },
    {
      name: "another path",
      status: 404,
      body: "404 page not found",
      said: /^failed GET .*: 404, but the answer is not Prometheus's: 404 page not found/,
    },
    {
      name: "one that asks for credentials",
      status: 401,
      body: "",
      said: /^failed GET .*: 401, and no credentials were sent: give them as --prometheus http:\/\/user:password@host$/,
    },
    {
      name: "one that does not accept them",
      status: 401,
      body: "",
      user: "me:opensesame@",
      said: /^failed GET .*: 401, and these credentials are not accepted/,
    },
  ])("there is $name, which is said", async ({ status, body, user = "", said: expected }) => {
    const server = await serve((_, response) => response.writeHead(status).end(body));

    const { said } = await askScripted(server, user);
    await server.close();

    expect(said["prometheus.target"]).toMatch(expected);
    expect(said["prometheus.target"]).not.toContain("opensesame");
  });

  test("nothing listens there, which is said", async () => {
    const prometheus = parseGatewayUrl(`http://127.0.0.1:${await freePort()}`);

    const { said } = await examined({ gatewayUrl: "http://127.0.0.1:1", prometheus });

    expect(said["prometheus.target"]).toMatch(
      /^failed GET .*ECONNREFUSED.*: is Prometheus running there\? Check --prometheus$/,
    );
  });
});

test("the gateway's own authority is taken for Prometheus, too", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "ca.pem"), pem("ca.pem"));
  writeFileSync(join(folder, "closing-bell.json"), '{ "gateway": { "caFile": "ca.pem" } }');
  const answer = 'HTTP/1.1 200 OK\r\n\r\n{"status":"success","data":{"activeTargets":[]}}';
  const server = await serveSockets((socket) => {
    socket.once("data", () => socket.end(answer));
  }, "good");
  const given = { gatewayUrl: "http://127.0.0.1:1", prometheus: parseGatewayUrl(server.url) };

  const known = await examined({ ...given, cwd: folder });
  const unknown = await examined(given);
  await server.close();

  expect(known.said["prometheus.target"]).toMatch(/^warning could not tell .* nothing at all/);
  expect(unknown.said["prometheus.target"]).toMatch(/^failed GET .*UNABLE_TO_VERIFY/);
});

test("a scrape job that the configuration does not show is not guessed at", async () => {
  const target = { scrapePool: "elsewhere", scrapeUrl: "http://127.0.0.1:1/metrics", health: "up" };
  const server = await serve(({ url = "" }, response) => {
    const data = url.includes("targets")
      ? { activeTargets: [target] }
      : { yaml: "scrape_config_files:\n- /etc/prometheus/scrape/*.yml\n" };
    response.end(JSON.stringify({ status: "success", data }));
  });

  const { said } = await askScripted(server);
  await server.close();

  expect(said["prometheus.honor-labels"]).toMatch(
    /^warning could not tell whether the scrape job "elsewhere" honors labels: .* see that it has honor_labels: true$/,
  );
  expect(said["prometheus.scrape-interval"]).toBe(
    "skipped Prometheus does not say how often it scrapes",
  );
});

function askScripted({ url }: TestServer, user = ""): Promise<Examined> {
  const prometheus = parseGatewayUrl(`http://${user}${url.host}`);
  return examined({ gatewayUrl: "http://127.0.0.1:1", prometheus });
}

function ofPrometheus(said: Examined["said"]): Examined["said"] {
  const entries = Object.entries(said).filter(([name]) => name.startsWith("prometheus."));
  return Object.fromEntries(entries);
}
