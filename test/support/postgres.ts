import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import { Client } from "pg";
import { freePort } from "./free-port.ts";
import { signalWithChildren } from "./process-tree.ts";
import { type Exit, findServer, serverEnvironment } from "./servers.ts";
import { pem } from "./socket-server.ts";
import { type Account, checkReachable, folderOf, unprivileged } from "./unprivileged.ts";

export type PostgresOptions = {
  /** Certificate of `tls/` that it shows to who asks for TLS. None by default: it speaks no TLS. */
  readonly tls?: "good" | "expired" | "wrong-host" | "self-signed";
  /** Lines of pg_hba.conf. By default everybody on loopback comes in with a password. */
  readonly hba?: string;
};

export type RealPostgres = {
  /** `postgres://user:password@127.0.0.1:port/database`, of a superuser. */
  readonly url: string;
  readonly port: number;
  /** Of the postmaster that runs, or ran last. */
  readonly pid: number;
  /** PEM of the authority that signed its certificate. Absent without TLS. */
  readonly ca?: string;
  /** Sends a signal to all of its processes, and does not wait. SIGSTOP freezes it, SIGCONT undoes that. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves when the postmaster that runs, or ran last, has ended, for whatever reason. */
  readonly closed: Promise<Exit>;
  /** Ends it, suspended or not, without a word to its clients, and waits for its end. Data stay. */
  readonly stop: () => Promise<void>;
  /** Stops it if it runs, and starts it again with its data on its port. */
  readonly restart: () => Promise<void>;
  /** Runs SQL as the superuser, over a connection of its own. @returns the rows of the last statement. */
  readonly sql: (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
};

type Postmaster = {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly closed: Promise<Exit>;
};

const USER = "reporter";
/** With all that has a meaning in a URL. */
const PASSWORD = "pa/ss w@rd#?%:";
const DATABASE = "postgres";

/** How often a start is tried when another process takes the port first. */
const START_ATTEMPTS = 5;

/** How long it may take to end by itself, in milliseconds, before it is killed. */
const STOP_TIMEOUT_MS = 5000;

const ANYBODY_WITH_PASSWORD = "host all all 127.0.0.1/32 scram-sha-256\n";

/** Data outlive the server, but not the machine. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  fsync: "off",
  full_page_writes: "off",
  autovacuum: "off",
  shared_buffers: "16MB",
  max_connections: "40",
  max_wal_senders: "0",
  wal_level: "minimal",
  dynamic_shared_memory_type: "mmap",
};

/** Undone in reverse: a server is stopped before its folder goes. */
const cleanUps: (() => Promise<void>)[] = [];
let template: Promise<string> | undefined;

// A test that failed before it stopped its server must not keep jest from ending.
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

/** Starts a PostgreSQL with an empty database on a free loopback port, and waits until it is ready. */
export async function startPostgres({
  tls,
  hba = ANYBODY_WITH_PASSWORD,
}: PostgresOptions = {}): Promise<RealPostgres> {
  const account = unprivileged();
  template ??= initialise(account);
  const folder = temporary(account);
  const data = join(folder, "data");
  await run("cp", ["-a", await template, data], account);
  writeOwn(join(folder, "hba.conf"), hba, account);
  const settings: Record<string, string> = {
    ...SETTINGS,
    unix_socket_directories: folder,
    hba_file: join(folder, "hba.conf"),
  };
  if (tls !== undefined) {
    settings["ssl"] = "on";
    settings["ssl_cert_file"] = writeOwn(join(folder, "cert.pem"), pem(`${tls}.pem`), account);
    settings["ssl_key_file"] = writeOwn(join(folder, "key.pem"), pem(`${tls}.key`), account);
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const start = (port: number) => launch(["-D", data, "-p", `${port}`, ...args], account);

  let port = await freePort();
  let running = await start(port);
  for (let attempt = 1; typeof running === "string"; attempt++) {
    const isLost = running.includes("Address already in use");
    if (!isLost || attempt === START_ATTEMPTS) throw new Error(`no PostgreSQL: ${running}`);
    port = await freePort();
    running = await start(port);
  }

  let postmaster: Postmaster = running;
  const stop = () => end(postmaster);
  cleanUps.push(stop);
  const userInfo = `${USER}:${encodeURIComponent(PASSWORD)}`;
  const url = `postgres://${userInfo}@127.0.0.1:${port}/${DATABASE}`;
  return {
    url,
    port,
    get pid() {
      return postmaster.pid;
    },
    get closed() {
      return postmaster.closed;
    },
    ...(tls === undefined ? {} : { ca: pem("ca.pem") }),
    kill: (signal) => signalWithChildren(postmaster.pid, signal),
    stop,
    async restart() {
      await stop();
      const restarted = await start(port);
      if (typeof restarted === "string") throw new Error(`no PostgreSQL again: ${restarted}`);
      postmaster = restarted;
    },
    sql: (text) => runSql(port, text),
  };
}

async function runSql(port: number, text: string) {
  const login = { user: USER, password: PASSWORD, database: DATABASE };
  const client = new Client({ host: "127.0.0.1", port, ...login, ssl: false });
  // Told by the query, too.
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows;
  } finally {
    await client.end();
  }
}

/** Makes the data directory that all servers of this test file begin with. */
async function initialise(account: Account): Promise<string> {
  const folder = temporary(account);
  const data = join(folder, "template");
  const passwordFile = writeOwn(join(folder, "password"), PASSWORD, account);
  const login = ["-U", USER, "-A", "scram-sha-256", `--pwfile=${passwordFile}`];
  const encoding = ["-E", "UTF8", "--no-locale"];
  await run(
    program("initdb", account),
    ["-D", data, ...login, ...encoding, "-N", "--wal-segsize=1"],
    account,
  );
  return data;
}

/** Starts it and waits until it is ready. @returns its output when it did not get so far. */
async function launch(args: readonly string[], account: Account): Promise<Postmaster | string> {
  const child = spawn(program("postgres", account), args, {
    ...account,
    cwd: "/",
    env: environment("postgres"),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = new Promise<Exit>((resolve, reject) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", reject);
  });
  let output = "";
  const ready = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      output = `${output}${chunk}`.slice(-10_000);
      if (output.includes("is ready to accept connections")) resolve();
    });
  });
  await Promise.race([ready, closed]);
  if (child.pid === undefined || hasEnded(child)) return output;
  return { process: child, pid: child.pid, closed };
}

/** By its own immediate shutdown, which leaves no shared memory behind; by force if that hangs. */
async function end({ process: child, pid, closed }: Postmaster): Promise<void> {
  if (hasEnded(child)) return;
  signalWithChildren(pid, "SIGQUIT");
  signalWithChildren(pid, "SIGCONT");
  const force = setTimeout(() => signalWithChildren(pid, "SIGKILL"), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(force);
}

async function run(command: string, args: readonly string[], account: Account): Promise<void> {
  const child = spawn(command, args, {
    ...account,
    cwd: "/",
    env: environment("initdb"),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output}`);
}

function program(name: string, account: Account): string {
  const command = findServer(name);
  if (command === undefined) throw new Error(`no ${name} found: npm run servers`);
  checkReachable(command, account);
  return command;
}

/** What it says is waited for, so it must say it in English. */
function environment(name: string): NodeJS.ProcessEnv {
  return { ...serverEnvironment(name), LC_ALL: "C", TZ: "UTC" };
}

function temporary(account: Account): string {
  const folder = folderOf(account, "cb-postgres-");
  cleanUps.push(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function writeOwn(path: string, text: string, { uid, gid }: Account): string {
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  return path;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
