/**
 * The container of infra/pushgateway.yml as far as it runs without Fargate: its command in the shell of
 * its image (busybox), with a real Pushgateway, and its health check with busybox's wget.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { freePort } from "../../support/free-port.ts";
import { describeWithServer, findServer, serverEnvironment } from "../../support/servers.ts";
import { readTemplate } from "./judge.ts";
import { listOf, ofType, property } from "./template.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** `reporter` with the password `pencil`, as bcrypt has it. */
const USERS =
  "basic_auth_users:\n  reporter: $2y$10$abcdefghijklmnopqrstuu2fMqzrrTFXV22h0L0W0mrmQ9CsTiWs.\n";
const TLS = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";

const CREDENTIALS = `Basic ${Buffer.from("reporter:pencil").toString("base64")}`;

/** Deadline of a start, in milliseconds: for a gateway that hangs. */
const START_TIMEOUT_MS = 15_000;

const directory = mkdtempSync(join(tmpdir(), "closing-bell-container-"));
const started: ChildProcess[] = [];

let container: ReturnType<typeof readContainer>;

beforeAll(() => {
  container = readContainer();
});

afterAll(() => {
  for (const each of started) each.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

describeWithServer("pushgateway", "busybox")("the gateway's container", () => {
  test("writes its secrets where only it reads them, and forgets them", async () => {
    const { child, files } = await start(TLS + USERS);
    expect(readdirSync(files).sort()).toEqual(["tls.crt", "tls.key", "web.yml"]);
    for (const name of readdirSync(files)) {
      expect(statSync(join(files, name)).mode & 0o777).toBe(0o600);
    }
    const environment = readFileSync(`/proc/${child.pid}/environ`, "utf8");
    expect(environment).toContain("PATH=");
    expect(environment).not.toMatch(/PRIVATE KEY|basic_auth_users|CERTIFICATE/);
  });

  test("takes a push over TLS from who has the password, and from nobody else", async () => {
    const { port } = await start(TLS + USERS);
    expect(await push(port, CREDENTIALS)).toBe(200);
    expect(await push(port, undefined)).toBe(401);
  });

  test("is healthy while it refuses strangers", async () => {
    const { port } = await start(TLS + USERS);
    expect(isHealthy(port)).toBe(true);
  });

  test.each([
    { name: "lets everybody in", config: TLS },
    { name: "speaks no TLS", config: USERS },
  ])("is unhealthy when it $name", async ({ config }) => {
    const { port } = await start(config);
    expect(isHealthy(port)).toBe(false);
  });

  test("is unhealthy when it is gone", async () => {
    expect(isHealthy(await freePort())).toBe(false);
  });

  test("ends at once with a configuration that is none, and says why", async () => {
    const { child, output } = launch("basic_auth_users: [", await freePort());
    await once(child, "close");
    expect(output()).toContain("yaml");
  });

  test("ends when it is asked to, and leaves no state behind", async () => {
    const { child, files, port } = await start(TLS + USERS);
    expect(await push(port, CREDENTIALS)).toBe(200);
    child.kill("SIGTERM");
    const [code, signal] = await once(child, "exit");
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(readdirSync(files).sort()).toEqual(["tls.crt", "tls.key", "web.yml"]);
  });
});

type Running = { readonly child: ChildProcess; readonly files: string; readonly port: number };

async function start(config: string): Promise<Running> {
  const running = launch(config, await freePort());
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!running.output().includes("Listening on")) {
    if (running.child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`the container did not start: ${running.output()}`);
    }
    await sleep(20);
  }
  return running;
}

function launch(config: string, port: number): Running & { readonly output: () => string } {
  const files = mkdtempSync(join(directory, "tmp-"));
  const [script = ""] = container.command;
  const here = script
    .replaceAll("/tmp/", `${files}/`)
    .replace("/bin/pushgateway", `'${findServer("pushgateway")}'`)
    .replace("=:9091", `=127.0.0.1:${port}`);
  const [, ...shellArguments] = container.entryPoint;
  const child = spawn(busybox(), ["sh", ...shellArguments, here], {
    env: {
      ...libraries(),
      PATH: applets(),
      WEB_CONFIG: config,
      TLS_CERTIFICATE: certificate("good.pem"),
      TLS_KEY: certificate("good.key"),
    },
  });
  started.push(child);
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  return { child, files, port, output: () => Buffer.concat(output).toString() };
}

/** What ECS would find. */
function isHealthy(port: number): boolean {
  const check = container.health.replace("127.0.0.1:9091", `127.0.0.1:${port}`);
  return spawnSync(busybox(), ["sh", "-c", check], { env: { PATH: applets() } }).status === 0;
}

function push(port: number, authorization: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: "127.0.0.1",
      port,
      method: "PUT",
      path: "/metrics/job/container",
      ca: certificate("ca.pem"),
      headers: authorization === undefined ? {} : { authorization },
    });
    sent.on("response", (response) => resolve(response.resume().statusCode));
    sent.on("error", reject);
    sent.end("# TYPE runs_total counter\nruns_total 1\n");
  });
}

function readContainer() {
  const template = readTemplate(join(ROOT, "infra/pushgateway.yml"));
  const [[, task] = []] = ofType(template, "AWS::ECS::TaskDefinition");
  const texts = (path: string) =>
    listOf(property(task, `ContainerDefinitions.0.${path}`)) as string[];
  return {
    entryPoint: texts("EntryPoint"),
    command: texts("Command"),
    health: texts("HealthCheck.Command")[1] ?? "",
  };
}

/** A folder with the programs that the image has, and no others. */
function applets(): string {
  const folder = join(directory, "bin");
  if (mkdirSync(folder, { recursive: true }) === undefined) return folder;
  for (const name of ["sh", "wget", "grep"]) symlinkSync(busybox(), join(folder, name));
  return folder;
}

function busybox(): string {
  return findServer("busybox") ?? "";
}

function libraries(): { readonly [name: string]: string } {
  const { LD_LIBRARY_PATH } = serverEnvironment("pushgateway");
  return LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH };
}

function certificate(name: string): string {
  return readFileSync(new URL(`../../support/tls/${name}`, import.meta.url), "utf8");
}
