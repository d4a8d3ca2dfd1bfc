import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import { createClient } from "@redis/client";
import { freePort } from "./free-port.ts";
import { type Exit, findServer, serverEnvironment } from "./servers.ts";
import { pem } from "./socket-server.ts";
import { checkReachable, folderOf, unprivileged } from "./unprivileged.ts";

export type RedisServerOptions = {
  /** Of the default user. None by default. */
  readonly password?: string;
  /** Speaks TLS alone, with this certificate of `test/support/tls`. */
  readonly tls?: "good" | "expired" | "wrong-host";
  /** For one that takes the place of another; a free one by default. */
  readonly port?: number;
  /** Further arguments of its command line. */
  readonly args?: readonly string[];
};

export type RealRedis = {
  /** With the password, without a path. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Sends a signal and does not wait. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves when the process has ended, for whatever reason. */
  readonly closed: Promise<Exit>;
  /** Kills it, suspended or not, and waits for its end. Called at the end of the test file for all. */
  readonly stop: () => Promise<void>;
  /** Stops it, and starts another one on the same port, with nothing in it. */
  readonly restart: () => Promise<RealRedis>;
  /** Its reply to one command, over a connection of its own. */
  readonly command: (name: string, ...args: readonly string[]) => Promise<unknown>;
};

type Launch = { readonly child: ChildProcess; readonly isReady: boolean; readonly output: string };

/** Deadline of a start, in milliseconds: for a server that hangs, never for a slow machine. */
const START_TIMEOUT_MS = 15_000;

/** How often a start is tried when another process takes the port first. */
const START_ATTEMPTS = 5;

/** A server need not be root because its tests are. */
const ACCOUNT = unprivileged();

const started: RealRedis[] = [];

// A test that failed before it stopped its server must not keep jest from ending.
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
});

/** Starts a Redis that keeps nothing on disk, on the loopback interface, and waits until it is ready. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RealRedis> {
  const command = findServer("redis");
  if (command === undefined) throw new Error("no redis found: npm run servers");
  checkReachable(command, ACCOUNT);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const folder = ownFolder(options);
    const { child, isReady, output } = await launch(command, folder, commandLine(port, options));
    if (isReady) return running({ child, folder, port, options });

    rmSync(folder, { recursive: true, force: true });
    if (!output.includes("Address already in use") || attempt === START_ATTEMPTS) {
      throw new Error(`${command} did not get ready: ${output}`);
    }
  }
}

function commandLine(
  port: number,
  { password, tls, args = [] }: RedisServerOptions,
): readonly string[] {
  return [
    ...["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"],
    ...(tls === undefined ? ["--port", `${port}`] : ["--port", "0", "--tls-port", `${port}`]),
    ...(tls === undefined ? [] : ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"]),
    ...(tls === undefined ? [] : ["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", "no"]),
    ...(password === undefined ? [] : ["--requirepass", password]),
    ...args,
  ];
}

/** A folder that is the server's: its working directory, with its certificate. */
function ownFolder({ tls }: RedisServerOptions): string {
  const folder = folderOf(ACCOUNT, "closing-bell-redis-");
  if (tls !== undefined) {
    writeFileSync(join(folder, "server.pem"), pem(`${tls}.pem`));
    writeFileSync(join(folder, "server.key"), pem(`${tls}.key`));
    writeFileSync(join(folder, "ca.pem"), pem("ca.pem"));
  }
  return folder;
}

/** Resolves when it says that it is ready, or has ended: killed, if it took too long. */
function launch(command: string, cwd: string, args: readonly string[]): Promise<Launch> {
  const child = spawn(command, args, {
    cwd,
    env: serverEnvironment("redis"),
    stdio: ["ignore", "pipe", "pipe"],
    ...ACCOUNT,
  });
  let output = "";
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    const settle = (isReady: boolean) => {
      clearTimeout(timer);
      resolve({ child, isReady, output });
    };
    const hear = (chunk: string) => {
      output += chunk;
      if (output.includes("Ready to accept connections")) settle(true);
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    child.on("exit", () => settle(false));
    child.on("error", (error) => {
      output += error.message;
      settle(false);
    });
  });
}

async function running({
  child,
  folder,
  port,
  options,
}: {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly port: number;
  readonly options: RedisServerOptions;
}): Promise<RealRedis> {
  const { pid } = child;
  if (pid === undefined) throw new Error("a process that is ready has an id");
  const scheme = options.tls === undefined ? "redis" : "rediss";
  const userInfo =
    options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  const url = `${scheme}://${userInfo}127.0.0.1:${port}`;
  const closed = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const server: RealRedis = {
    url,
    port,
    pid,
    kill: (signal) => {
      child.kill(signal);
    },
    closed,
    async stop() {
      child.kill("SIGKILL");
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await server.stop();
      return startRedis({ ...options, port });
    },
    command: (...args) => exchange(url, args),
  };
  started.push(server);
  await server.command("PING");
  return server;
}

async function exchange(url: string, args: readonly string[]): Promise<unknown> {
  const isTls = url.startsWith("rediss:");
  const client = createClient({
    url,
    RESP: 2,
    // Whose certificate it is, is what tests are about, not this.
    socket: isTls
      ? { tls: true, rejectUnauthorized: false, reconnectStrategy: false }
      : { reconnectStrategy: false },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return await client.sendCommand([...args]);
  } finally {
    client.destroy();
  }
}
