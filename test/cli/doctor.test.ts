import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { serve } from "../support/http-server.ts";
import {
  describeWithServer,
  findServer,
  serverEnvironment,
  startRealPushgateway,
} from "../support/servers.ts";
import { serveSockets } from "../support/socket-server.ts";

jest.setTimeout(90_000);

/** Names that scripts rely on. */
const CHECKS = [
  "config",
  "gateway.url",
  "gateway.dns",
  "gateway.connect",
  "gateway.tls",
  "gateway.http",
  "gateway.auth",
  "clock.skew",
  "gateway.version",
  "gateway.consistency-check",
  "gateway.persistence-file",
  "gateway.scrape",
  "gateway.groups",
  "prometheus.honor-labels",
  "ledger.place",
  "ledger.local",
  "ledger.writable",
  "ledger.space",
  "ledger.totals",
  "ledger.groups",
  "publish.schedule",
  "process.pid-1",
];

const PASSWORD = "opensesame";

let gateway: PushgatewayServer;
let env: Readonly<Record<string, string>>;
let folder: string;

beforeAll(async () => {
  gateway = await startPushgateway();
  env = { PUSHGATEWAY_URL: gateway.url.href };
  folder = mkdtempSync(join(tmpdir(), "closing-bell-doctor-"));
});

afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("doctor says", () => {
  test("a line for each check, what came of it first, and a summary beside it", async () => {
    const { code, stdout, stderr } = await runCli(["doctor"], { env });

    expect(code).toBe(0);
    const lines = stdout.split("\n").slice(0, -1);
    expect(lines.map((line) => line.slice(9).replace(/ .*/, ""))).toEqual(CHECKS);
    for (const line of lines)
      expect(line).toMatch(/^(?:ok {5}|warning|failed |skipped) {2}\S+ {2,}\S/);
    expect(stdout).toContain(
      `ok       gateway.url                 ${gateway.url.origin}, from PUSHGATEWAY_URL\n`,
    );
    expect(stderr).toMatch(/^closing-bell: 22 checks: (?:1 warning, )?3 skipped\n$/);
  });

  test("only what is amiss with --quiet", async () => {
    const well = await runCli(["doctor", "--quiet"], { env });
    const nowhere = await runCli(["doctor", "--quiet"], { env: { CLOSING_BELL_LEDGER: "none" } });

    expect(well).toMatchObject({ code: 0, stderr: "" });
    expect(well.stdout).not.toMatch(/^(?:ok|failed|skipped)/m);
    expect(nowhere).toMatchObject({ code: 1, stderr: "" });
    expect(nowhere.stdout).toMatch(
      /^failed {3}gateway\.url {17}no gateway is configured: .* or gateway\.url in \/.*\n$/,
    );
  });

  test("all problems of a configuration as one failed check, and looks at the rest", async () => {
    const result = await runCli(["doctor", "--json"], {
      env: { ...env, CLOSING_BELL_PUBLISH: "never", CLOSING_BELL_SCRAPE_INTERVAL: "1m" },
    });

    expect(result).toMatchObject({ code: 1, stderr: "" });
    const { said } = read(result);
    expect(said["config"]).toMatch(
      /^failed CLOSING_BELL_PUBLISH is .*; CLOSING_BELL_SCRAPE_INTERVAL is/,
    );
    expect(said["gateway.scrape"]).toMatch(/^ok /);
  });
});

describe("doctor exits with 2 for", () => {
  test.each<{ args: readonly string[]; message: string }>([
    { args: ["--timeout", "10"], message: "--timeout 10: expected a duration such as" },
    { args: ["--timeout", "0"], message: "--timeout 0: expected 1ms or more" },
    {
      args: ["--prometheus", "localhost:9090"],
      message: "--prometheus: the URL has another scheme",
    },
    { args: ["--gatway", "x"], message: "unknown option '--gatway'" },
  ])("$args", async ({ args, message }) => {
    const { code, stdout, stderr } = await runCli(["doctor", ...args], { env });

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`closing-bell: ${message}`);
  });
});

describe("doctor names the cause and exits with 1, of", () => {
  test("a port where nobody listens", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;

    await expectFailure(url, "gateway.connect", "nothing listens on 127.0.0.1:");
  });

  test("a plain-HTTP server behind https", async () => {
    const url = `https://${gateway.url.host}`;

    await expectFailure(
      url,
      "gateway.tls",
      `speaks plain HTTP and no TLS: use ${gateway.url.origin},`,
    );
  });

  test("a certificate that has expired", async () => {
    const server = await serveSockets(() => {}, "expired");

    await expectFailure(server.url.href, "gateway.tls", "expired on 2002-");
    await server.close();
  });

  test("a name that is none", async () => {
    const url = "http://no-such-host.invalid:9091";

    const { said } = await expectFailure(url, "gateway.dns", "no-such-host.invalid");
    // Where there is no name server, it cannot say that there is no such host.
    expect(said["gateway.dns"]).toMatch(/there is no host|no name server answers/);
  });

  test("a server that does not answer, within the time that it has", async () => {
    const server = await serveSockets(() => {});
    const started = performance.now();

    await expectFailure(server.url.href, "gateway.http", "no whole answer within 300 ms", [
      "--timeout",
      "600ms",
    ]);

    // For a process that stays, never for a slow machine.
    expect(performance.now() - started).toBeLessThan(30_000);
    await server.close();
  });
});

test("doctor sends the password and prints it nowhere, whatever comes back", async () => {
  const server = await serve(({ headers: { authorization = "" } }, response) => {
    const told = Buffer.from(authorization.replace("Basic ", ""), "base64").toString();
    response.writeHead(500).end(`${authorization} is ${told}`);
  });
  const url = `http://bell:${PASSWORD}@${server.url.host}`;

  const asText = await runCli(["doctor", "--prometheus", url], { env: { PUSHGATEWAY_URL: url } });
  const asJson = await runCli(["doctor", "--json", "--gateway", url]);
  await server.close();

  const basic = Buffer.from(`bell:${PASSWORD}`).toString("base64");
  expect(server.requests.map(({ headers }) => headers.authorization)).toContain(`Basic ${basic}`);
  for (const { code, stdout, stderr } of [asText, asJson]) {
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain(PASSWORD);
    expect(stdout + stderr).not.toContain(basic);
  }
});

test("doctor does not print what was mistaken for a setting, when that is a URL with a password", async () => {
  const url = `http://bell:${PASSWORD}@gw.example`;

  const result = await runCli(["doctor", "--json", "--config", url], {
    env: { CLOSING_BELL_PUBLISH: url },
  });

  expect(result.code).toBe(1);
  expect(read(result).failed).toContain("config");
  expect(result.stdout + result.stderr).not.toContain(PASSWORD);
});

describeWithServer("pushgateway")("of the real Pushgateway", () => {
  test("doctor --json reports each check by name, and an old version is a warning", async () => {
    const real = await startRealPushgateway();

    const result = await runCli(["doctor", "--json"], { env: { PUSHGATEWAY_URL: real.url.href } });
    await real.stop();

    expect(result).toMatchObject({ code: 0, stderr: "" });
    const { ok, checks, said } = read(result);
    expect(ok).toBe(true);
    expect(checks.map(({ name }) => name)).toEqual(CHECKS);
    for (const check of checks) {
      expect(check).toEqual({
        name: expect.any(String),
        status: expect.stringMatching(/^(?:ok|warning|skipped)$/),
        message: expect.any(String),
      });
    }
    expect(said["gateway.version"]).toMatch(
      /^(?:ok version 1\.(?:[6-9]|1\d)|warning version 1\.5)/,
    );
    expect(said["gateway.scrape"]).toMatch(/^ok GET \/metrics at .*: 200, \d+ metric families$/);
  });

  test("doctor names a wrong password, and where it came from", async () => {
    const real = await startSecured(
      // bcrypt of PASSWORD.
      "basic_auth_users:\n  bell: $2b$04$Trcp9rkHBLxniVPt3B42uO8ooCEK5N1fVDO33b.u03v4InJKgORGW\n",
    );
    const as = (user: string) => ({ PUSHGATEWAY_URL: `http://${user}@127.0.0.1:${real.port}` });

    const [right, wrong] = await Promise.all([
      runCli(["doctor", "--json"], { env: as(`bell:${PASSWORD}`) }),
      runCli(["doctor", "--json"], { env: as("bell:guess") }),
    ]);
    await real.stop();

    expect(read(right).said["gateway.auth"]).toBe(
      "ok accepted: the user and password from PUSHGATEWAY_URL",
    );
    expect(right.code).toBe(0);
    expect(wrong).toMatchObject({ code: 1, stderr: "" });
    expect(read(wrong).failed).toEqual(["gateway.auth"]);
    expect(read(wrong).said["gateway.auth"]).toMatch(
      /answers 401 to the user and password from PUSHGATEWAY_URL: /,
    );
    expect(wrong.stdout).not.toContain("guess");
  });

  test("doctor names TLS behind http, and is content with https and the authority", async () => {
    const tls = fileURLToPath(new URL("../support/tls", import.meta.url));
    const real = await startSecured(
      `tls_server_config:\n  cert_file: ${tls}/good.pem\n  key_file: ${tls}/good.key\n`,
    );
    writeFileSync(
      join(folder, "closing-bell.json"),
      JSON.stringify({
        gateway: { url: `https://127.0.0.1:${real.port}`, caFile: `${tls}/ca.pem` },
      }),
    );

    const [http, https] = await Promise.all([
      runCli(["doctor", "--json", "--gateway", `http://127.0.0.1:${real.port}`]),
      runCli(["doctor", "--json"], { cwd: folder }),
    ]);
    await real.stop();

    expect(read(http).said["gateway.tls"]).toContain(
      `speaks TLS and no plain HTTP: use https://127.0.0.1:${real.port}`,
    );
    expect(http.code).toBe(1);
    expect(read(https).said["gateway.tls"]).toMatch(/^ok TLS/);
    expect(https.code).toBe(0);
  });
});

async function expectFailure(
  url: string,
  check: string,
  said: string,
  args: readonly string[] = [],
): Promise<Said> {
  const result = await runCli(["doctor", "--json", "--gateway", url, ...args]);
  expect(result).toMatchObject({ code: 1, stderr: "" });
  const examination = read(result);
  expect(examination.failed).toEqual([check]);
  expect(examination.said[check]).toContain(said);
  return examination;
}

type Said = ReturnType<typeof read>;

function read({ stdout }: CliResult) {
  type Check = { readonly name: string; readonly status: string; readonly message: string };
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly Check[] };
  const said: Readonly<Record<string, string>> = Object.fromEntries(
    checks.map(({ name, status, message }) => [name, `${status} ${message}`]),
  );
  const failed = checks.filter(({ status }) => status === "failed").map(({ name }) => name);
  return { ok, checks, said, failed };
}

/** A real Pushgateway with a file for the web: it is not ready for those who do not know how to ask. */
async function startSecured(webConfig: string) {
  const file = join(folder, `${crypto.randomUUID()}.yml`);
  writeFileSync(file, webConfig);
  const port = await freePort();
  const child = spawn(
    findServer("pushgateway") ?? "",
    ["--persistence.file=", `--web.listen-address=127.0.0.1:${port}`, `--web.config.file=${file}`],
    { env: serverEnvironment("pushgateway"), stdio: "ignore" },
  );
  while (child.exitCode === null && !(await accepts(port))) await sleep(20);
  return {
    port,
    async stop() {
      const ended = once(child, "exit");
      if (child.kill("SIGKILL")) await ended;
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
