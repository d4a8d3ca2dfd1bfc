import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, test } from "@jest/globals";
import { freePort } from "./free-port.ts";

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type RealServer = {
  readonly url: URL;
  readonly pid: number;
  /** Sends a signal, SIGTERM by default, and does not wait. */
  readonly kill: (signal?: NodeJS.Signals) => void;
  /** Resolves when the process has ended, for whatever reason. */
  readonly closed: Promise<Exit>;
  /**
   * Kills it, suspended or not, and waits for its end. Called at the end of the test file for a
   * test that did not.
   */
  readonly stop: () => Promise<void>;
};

export type RealPushgateway = RealServer;

/** What `servers.mjs` leaves behind: null for a server it could not get. */
type FoundServers = Readonly<Record<string, FoundServer | null>>;

type FoundServer = {
  readonly command: string;
  readonly libraryPath: readonly string[];
  /** Below which it finds what else is in its package. Absent: it does not matter. */
  readonly directory?: string;
};

export type RealServerOptions = {
  /** Its name in `servers.mjs`. */
  readonly name: string;
  /** Its command line, for a `host:port` to listen on. It answers on `/-/ready`. */
  readonly args: (address: string) => readonly string[];
  /** A free one by default. */
  readonly port?: number | undefined;
};

type Launch = { readonly process: ChildProcess; readonly url: URL; readonly output: () => string };

/** Deadline of a start, in milliseconds: for a server that hangs, never for a slow machine. */
const START_TIMEOUT_MS = 15_000;

/** How often a start is tried when another process takes the port first. */
const START_ATTEMPTS = 5;

const { SERVERS_DIR } = process.env;
const FOUND_FILE = join(
  SERVERS_DIR || fileURLToPath(new URL("../../.cache/servers", import.meta.url)),
  "servers.json",
);

const started: RealServer[] = [];

// A test that failed before it stopped its server must not keep jest from ending.
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
});

/**
 * Path of a server's command, or of the file of what is no program, as `npm run servers` found it;
 * `undefined` when it did not.
 */
export function findServer(name: string): string | undefined {
  return lookUp(name)?.command;
}

/** Environment for a server's command: one that was unpacked brings its shared libraries along. */
export function serverEnvironment(name: string): NodeJS.ProcessEnv {
  const { LD_LIBRARY_PATH } = process.env;
  const folders = [...(lookUp(name)?.libraryPath ?? []), LD_LIBRARY_PATH].filter(Boolean);
  return folders.length === 0
    ? process.env
    : { ...process.env, LD_LIBRARY_PATH: folders.join(":") };
}

/**
 * `describe` for tests that need these servers: left out where one is missing, but failing where
 * `CI` is set, so that no machine of ours passes by leaving tests out.
 */
export function describeWithServer(
  ...names: readonly string[]
): (title: string, tests: () => void) => void {
  const missing = names.filter((name) => findServer(name) === undefined);
  const { CI } = process.env;
  if (missing.length === 0) return describe;
  if (!CI) return describe.skip;
  return (title) => {
    test(`${title}: needs ${missing.join(", ")}`, () => {
      throw new Error(`${missing.join(", ")} not found: npm run servers`);
    });
  };
}

/**
 * Starts a Pushgateway that keeps nothing on disk, and waits until it is ready.
 *
 * @param options.port for one that takes the place of another; a free one by default.
 */
export async function startRealPushgateway({
  args = [],
  port,
}: {
  readonly args?: readonly string[];
  readonly port?: number;
} = {}): Promise<RealPushgateway> {
  return startRealServer({
    name: "pushgateway",
    args: (address) => ["--persistence.file=", `--web.listen-address=${address}`, ...args],
    port,
  });
}

/** Starts a server on the loopback interface, and waits until it is ready. */
export async function startRealServer({
  name,
  args,
  port,
}: RealServerOptions): Promise<RealServer> {
  const command = findServer(name);
  if (command === undefined) throw new Error(`no ${name} found: npm run servers`);

  for (let attempt = 1; ; attempt++) {
    const address = `127.0.0.1:${port ?? (await freePort())}`;
    const launch = launchServer(command, args(address), {
      address,
      env: serverEnvironment(name),
      cwd: lookUp(name)?.directory,
    });
    if (await isReady(launch)) return running(launch);

    await end(launch.process);
    const lostPort = launch.output().includes("address already in use");
    if (!lostPort || attempt === START_ATTEMPTS) {
      throw new Error(`${command} did not get ready: ${launch.output()}`);
    }
  }
}

function lookUp(name: string): FoundServer | null | undefined {
  if (!existsSync(FOUND_FILE)) return undefined;
  const found: FoundServers = JSON.parse(readFileSync(FOUND_FILE, "utf8"));
  const server = found[name];
  if (server === undefined) throw new Error(`servers.mjs knows no server ${JSON.stringify(name)}`);
  return server;
}

function launchServer(
  command: string,
  args: readonly string[],
  {
    address,
    env,
    cwd,
  }: {
    readonly address: string;
    readonly env: NodeJS.ProcessEnv;
    readonly cwd: string | undefined;
  },
): Launch {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "ignore", "pipe"] });

  let output = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  child.on("error", (error) => {
    output += error.message;
  });
  return { process: child, url: new URL(`http://${address}`), output: () => output };
}

/** False when the process ended, or was not ready within the deadline. */
async function isReady({ process: child, url }: Launch): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && child.pid !== undefined && !hasEnded(child)) {
    const ready = await answersOk(new URL("/-/ready", url));
    // Another process may answer on the port this one failed to get.
    if (ready && !hasEnded(child)) return true;
    await sleep(20);
  }
  return false;
}

async function answersOk(url: URL): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function running({ process: child, url }: Launch): RealServer {
  const { pid } = child;
  if (pid === undefined) throw new Error("a process that is ready has an id");

  const closed = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });

  const server: RealServer = {
    url,
    pid,
    kill(signal = "SIGTERM") {
      child.kill(signal);
    },
    closed,
    async stop() {
      child.kill("SIGKILL");
      await closed;
    },
  };
  started.push(server);
  return server;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
