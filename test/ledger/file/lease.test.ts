import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { formatGroupingKey } from "../../../src/grouping-key.ts";
import type { FileSystem } from "../../../src/ledger/file/file-system.ts";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import type { Lease, Ledger } from "../../../src/ledger/ledger.ts";
import { sha256 } from "../../../src/record/run-record.ts";
import { bundleProgram } from "../../support/bundle.ts";
import { GROUP, success } from "../../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../../support/state-directory.ts";
import { ALL_GUARDS, explore, type Guards, type Scope } from "./lease-model.ts";

const PREFIX = sha256(formatGroupingKey(GROUP)).slice(0, 8);
const SILENT = "a process that does not answer";
const { promises } = process.getBuiltinModule("node:fs");

let program = "";
beforeAll(() => {
  program = bundleProgram("ledger/file/lease-worker.ts");
});
afterAll(removeStateDirectories);

describe("the claim, in every order, with stops and kills anywhere", () => {
  test.each<Scope>([
    { asks: [2, 2], kills: 1 },
    { asks: [1, 1, 1], kills: 1 },
  ])(
    "of $asks times and $kills kills has one holder, and refuses nobody in vain",
    async (scope) => {
      const { states, highest, violation } = await explore(scope);
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(10_000);
      expect(highest).toBeGreaterThanOrEqual(3);
    },
  );

  test.each<{ guard: keyof Guards; name: string; problem: string }>([
    { guard: "secondLook", name: "the second look", problem: "two holders" },
    { guard: "stillOurs", name: "the look whether it is still ours", problem: "two holders" },
    { guard: "upwards", name: "the order of removals", problem: "two holders" },
    { guard: "keepsHighest", name: "keeping the highest", problem: "two holders" },
    { guard: "socketsDie", name: "sockets that die", problem: "refused in vain" },
  ])("goes wrong without $name", async ({ guard, problem }) => {
    const guards = { ...ALL_GUARDS, [guard]: false };
    const { violation } = await explore({ asks: [2, 2], kills: 0 }, guards);
    expect(violation?.invariant).toBe(problem);
  });
});

describe("on disk", () => {
  test("there is one socket, for this user alone, and its number grows", async () => {
    const { directory, ledger } = open();
    for (let time = 0; time < 3; time++) await (await takeLease(ledger)).release();
    expect(namesIn(directory)).toEqual([`${PREFIX}.3`]);
    const socket = statSync(join(directory, "lease", `${PREFIX}.3`));
    expect(socket.isSocket()).toBe(true);
    expect(socket.mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "lease")).mode & 0o777).toBe(0o700);
  });

  test("numbers are numbers: the tenth comes after the ninth", async () => {
    const { directory, ledger } = open();
    for (let time = 0; time < 12; time++) await (await takeLease(ledger)).release();
    expect(namesIn(directory)).toEqual([`${PREFIX}.12`]);
  });

  test("what the killed left without a number is swept after an hour, unless it listens", async () => {
    const { directory, ledger } = open();
    await (await takeLease(ledger)).release();
    const lease = join(directory, "lease");
    const alive = await listening(join(lease, ".alive"));
    for (const name of [".old", ".young"]) await leaveSocket(join(lease, name));
    const longAgo = Date.now() / 1000 - 3700;
    for (const name of [".alive", ".old"]) utimesSync(join(lease, name), longAgo, longAgo);

    await takeLease(ledger);
    expect(namesIn(directory)).toEqual([".alive", ".young", `${PREFIX}.2`]);
    await closed(alive);
  });

  test("what is no socket under a number is passed over", async () => {
    const { directory, ledger } = open();
    await (await takeLease(ledger)).release();
    const lease = join(directory, "lease");
    // As a backup may put it back.
    writeFileSync(join(lease, `${PREFIX}.2`), "");
    writeFileSync(join(lease, `${PREFIX}.x`), "");
    await takeLease(ledger);
    expect(namesIn(directory)).toEqual([`${PREFIX}.3`, `${PREFIX}.x`]);
  });
});

describe("a place that cannot hold a lease", () => {
  test("because its path is too long for sockets is refused; runs are recorded there", async () => {
    const fits = ofLength(80);
    await takeLease(createFileLedger({ directory: fits }));
    const long = createFileLedger({ directory: ofLength(81) });
    await expect(long.lease(GROUP)).rejects.toMatchObject({
      code: "ERR_LEDGER_UNFIT",
      message: expect.stringMatching(/81 bytes.*CLOSING_BELL_STATE_DIR/),
    });
    expect(await long.append(success("a"))).toEqual({ status: "appended" });
  });

  test("because its numbers have become too long is refused", async () => {
    const directory = ofLength(80);
    const ledger = createFileLedger({ directory });
    await (await takeLease(ledger)).release();
    // The system would cut the path, and nobody would listen at what is left.
    writeFileSync(join(directory, "lease", `${PREFIX}.123456789012`), "");
    await expect(ledger.lease(GROUP)).rejects.toMatchObject({ code: "ERR_LEDGER_UNFIT" });
  });

  test.each<{ code: string; error: string }>([
    { code: "EPERM", error: "ERR_LEDGER_UNFIT" },
    { code: "ENOSPC", error: "ERR_LEDGER_FULL" },
    { code: "EIO", error: "ERR_LEDGER_UNAVAILABLE" },
  ])("because linking fails ($code) leaves nothing, and can be mended", async ({ code, error }) => {
    let isBroken = true;
    const { directory, ledger } = open({
      async link(existing, path) {
        if (isLease(path) && isBroken) throw Object.assign(new Error(code), { code });
        await promises.link(existing, path);
      },
    });
    await expect(ledger.lease(GROUP)).rejects.toMatchObject({ code: error });
    expect(namesIn(directory)).toEqual([]);
    isBroken = false;
    await takeLease(ledger);
  });
});

test("a lease whose link lost its answer is not held, and the next one gets it", async () => {
  let losesAnswers = true;
  const { directory, ledger } = open({
    async link(existing, path) {
      await promises.link(existing, path);
      if (isLease(path) && losesAnswers) throw Object.assign(new Error("EIO"), { code: "EIO" });
    },
  });
  await expect(ledger.lease(GROUP)).rejects.toMatchObject({ code: "ERR_LEDGER_UNAVAILABLE" });
  losesAnswers = false;
  await takeLease(ledger);
  expect(namesIn(directory)).toEqual([`${PREFIX}.2`]);
});

test("one who was stopped before his link, while others took, released and removed, gets nothing", async () => {
  const directory = stateDirectory();
  const others = createFileLedger({ directory });
  let goOn = () => {};
  let arrive = () => {};
  const stopped = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const slow = createFileLedger({
    directory,
    fs: {
      async link(existing, path) {
        if (isLease(path)) {
          arrive();
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
        }
        await promises.link(existing, path);
      },
    },
  });
  const asked = slow.lease(GROUP);
  await stopped;
  await (await takeLease(others)).release();
  const holder = await takeLease(others);
  expect(namesIn(directory).filter((name) => !name.startsWith("."))).toEqual([`${PREFIX}.2`]);
  goOn();

  // His number was free, so he has one now, but not the highest.
  expect((await asked).status).toBe("held");
  expect(namesIn(directory)).toEqual([`${PREFIX}.1`, `${PREFIX}.2`]);
  expect((await others.lease(GROUP)).status).toBe("held");
  await holder.release();
  await takeLease(others);
  expect(namesIn(directory)).toEqual([`${PREFIX}.3`]);
});

describe("between processes", () => {
  afterEach(endWorkers);

  test("the refused are told who holds it, and get it when he has released it", async () => {
    const { directory, ledger } = open();
    const holder = startWorker(directory);
    expect(await holder.ask("take")).toBe("taken");
    await refusedBy(ledger, `process ${holder.pid}`);
    const other = startWorker(directory);
    expect(await other.ask("take")).not.toBe("taken");
    expect(await holder.ask("release")).toBe("released");
    expect(await other.ask("take")).toBe("taken");
  });

  test("a killed holder is succeeded", async () => {
    const { directory, ledger } = open();
    const holder = startWorker(directory);
    expect(await holder.ask("take")).toBe("taken");
    await holder.end("SIGKILL");
    await takeLease(ledger);
    expect(namesIn(directory)).toEqual([`${PREFIX}.2`]);
  });

  test("a stopped holder keeps it, however many ask, and everybody is told so", async () => {
    const { directory, ledger } = open();
    const holder = startWorker(directory);
    expect(await holder.ask("take")).toBe("taken");
    holder.kill("SIGSTOP");
    await refusedBy(ledger, SILENT);
    // Connections wait in the kernel, until it takes no more. Not everywhere does it say so.
    if (process.platform === "linux") {
      await fillBacklog(join(directory, "lease", `${PREFIX}.1`));
    }
    expect(await ledger.lease(GROUP)).toEqual({ status: "held", holder: SILENT });

    holder.kill("SIGCONT");
    await refusedBy(ledger, `process ${holder.pid}`);
    expect(await holder.ask("release")).toBe("released");
    await takeLease(ledger);
    expect(await holder.ask("take")).toBe(`process ${process.pid}`);
  });

  test("a lease keeps no process alive, nor does one who asks who has it", async () => {
    const { directory, ledger } = open();
    const holder = startWorker(directory);
    expect(await holder.ask("take")).toBe("taken");
    const visitor = connect({ path: join(directory, "lease", `${PREFIX}.1`), allowHalfOpen: true });
    await once(visitor, "connect");
    expect(await holder.end()).toBe(0);
    visitor.destroy();
    await takeLease(ledger);
  });

  const unshare = networkNamespaces();
  (unshare === undefined ? test.skip : test)(
    `it is held in other network namespaces too${unshare === undefined ? " (skipped: unshare -n is not allowed here)" : ""}`,
    async () => {
      const { directory, ledger } = open();
      const lease = await takeLease(ledger);
      const other = startWorker(directory, { command: unshare ?? [] });
      expect([`process ${process.pid}`, SILENT]).toContain(await other.ask("take"));
      await lease.release();
      expect(await other.ask("take")).toBe("taken");
      expect((await ledger.lease(GROUP)).status).toBe("held");
    },
  );

  test("killed and stopped at random, it never has two holders", async () => {
    const { kills, stops, holds } = await unleash(stateDirectory());
    expect({ kills, stops }).toEqual({ kills: KILLS, stops: STOPS });
    expect(holds.length).toBeGreaterThanOrEqual(WORKERS * TAKES_EACH);
    expect(overlaps(holds)).toEqual([]);
  });

  test("two holders would be noticed", () => {
    const holds = [
      { from: 1n, to: 5n },
      { from: 7n, to: 9n },
      { from: 4n, to: 6n },
    ];
    expect(overlaps(holds)).toEqual([{ from: 4n, to: 6n }]);
  });
});

const WORKERS = 6;
const TAKES_EACH = 50;
const KILLS = 15;
const STOPS = 12;

/** A time during which somebody certainly held the lease, in nanoseconds. */
type Hold = { readonly from: bigint; readonly to: bigint };

/** Lets workers take and release, and kills and stops them meanwhile. */
async function unleash(directory: string) {
  const holds: Hold[] = [];
  const running = new Set<ChildProcess>();
  const events = [...Array(KILLS).fill("kill"), ...Array(STOPS).fill("stop")];
  const takesPerEvent = Math.floor((WORKERS * TAKES_EACH) / (events.length * 1.2));
  const struck = { kills: 0, stops: 0 };
  const killedAt = new Map<ChildProcess, bigint>();
  let takes = 0;
  let isOver = false;

  function strike(): void {
    if (events.length === 0 || isOver) return;
    const victims = [...running].filter((child) => child.exitCode === null && !killedAt.has(child));
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim === undefined) {
      // They are all down, and come up again.
      setTimeout(strike, 5);
      return;
    }
    const [event] = events.splice(Math.floor(Math.random() * events.length), 1);
    if (event === "stop") {
      struck.stops++;
      victim.kill("SIGSTOP");
      setTimeout(() => victim.kill("SIGCONT"), Math.random() * 60);
    } else if (event === "kill") {
      struck.kills++;
      // Up to here it lives, and holds what it holds.
      killedAt.set(victim, process.hrtime.bigint());
      victim.kill("SIGKILL");
    }
  }

  /** Resolves to the number of times that the worker took the lease. */
  async function runOnce(times: number): Promise<number> {
    const child = spawn(process.execPath, [program, directory, `${times}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    running.add(child);
    const ended = once(child, "close");
    let taken = 0;
    let entered: bigint | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, time = ""] = line.split(" ");
      if (what === "enter") {
        entered = BigInt(time);
        taken++;
        takes++;
        // At a moment that has nothing to do with what the victim does.
        if (takes % takesPerEvent === 0) setTimeout(strike, Math.random() * 10);
      } else if (entered !== undefined) {
        holds.push({ from: entered, to: BigInt(time) });
        entered = undefined;
      }
    }
    const [code, signal] = await ended;
    running.delete(child);
    if (code !== 0 && signal !== "SIGKILL") throw new Error(`a worker ended with ${code}`);
    const killed = killedAt.get(child);
    if (entered !== undefined && killed !== undefined) {
      holds.push({ from: entered, to: killed > entered ? killed : entered });
    }
    return taken;
  }

  async function work(): Promise<void> {
    for (let left = TAKES_EACH; left > 0 && !isOver; ) left -= await runOnce(left);
  }

  try {
    await Promise.all(Array.from({ length: WORKERS }, work));
  } finally {
    isOver = true;
    for (const child of running) child.kill("SIGKILL");
  }
  return { ...struck, holds };
}

/** Those that begin before another has ended that began earlier. */
function overlaps(holds: readonly Hold[]): readonly Hold[] {
  let end = 0n;
  return holds
    .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    .filter(({ from, to }) => {
      const isOverlap = from < end;
      if (to > end) end = to;
      return isOverlap;
    });
}

const workers: ChildProcess[] = [];

function startWorker(
  directory: string,
  { command = [] }: { readonly command?: readonly string[] } = {},
) {
  const [file = "", ...args] = [...command, process.execPath, program, directory];
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  workers.push(child);
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async ask(command: "take" | "release"): Promise<string | undefined> {
      child.stdin.write(`${command}\n`);
      return (await lines.next()).value;
    },
    /** Kills it, or lets it end by itself; resolves to its exit code. */
    async end(signal?: NodeJS.Signals): Promise<unknown> {
      if (signal === undefined) child.stdin.end();
      else child.kill(signal);
      return (await exited)[0];
    },
  };
}

function endWorkers(): void {
  for (const child of workers.splice(0)) child.kill("SIGKILL");
}

/** Asks until it is refused with this answer. A busy machine may need some time for it. */
async function refusedBy(ledger: Ledger, holder: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const result = await ledger.lease(GROUP);
    if (result.status === "taken") throw new Error("the lease was free");
    if (result.holder === holder) return;
    if (performance.now() > deadline) throw new Error(`it is held by ${result.holder}`);
  }
}

async function fillBacklog(path: string): Promise<void> {
  for (;;) {
    const socket = connect({ path });
    const code = await new Promise<string | undefined>((resolve) => {
      socket.on("connect", () => resolve(undefined));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    socket.destroy();
    if (code === "EAGAIN") return;
    if (code !== undefined) throw new Error(`connecting failed: ${code}`);
  }
}

/** The command that runs another one without a network; undefined where that is not allowed. */
function networkNamespaces(): readonly string[] | undefined {
  return [["-n"], ["-rn"]]
    .map((flags) => ["unshare", ...flags])
    .find(([file = "", ...flags]) => {
      try {
        execFileSync(file, [...flags, "true"], { stdio: "ignore" });
        return true;
      } catch {
        return false;
      }
    });
}

function open(fs: Partial<FileSystem> = {}) {
  const directory = stateDirectory();
  return { directory, ledger: createFileLedger({ directory, fs }) };
}

async function takeLease(ledger: Ledger): Promise<Lease> {
  const result = await ledger.lease(GROUP);
  if (result.status === "held") throw new Error(`the lease is held by ${result.holder}`);
  return result.lease;
}

/** A path for a state directory, so many bytes long. */
function ofLength(bytes: number): string {
  const parent = join(stateDirectory(), "..");
  return join(parent, "x".repeat(bytes - Buffer.byteLength(parent) - 1));
}

function isLease(path: string): boolean {
  return path.includes("/lease/");
}

function namesIn(directory: string): readonly string[] {
  const lease = join(directory, "lease");
  return existsSync(lease) ? readdirSync(lease).sort() : [];
}

async function listening(path: string): Promise<Server> {
  const server = createServer();
  server.listen(path);
  await once(server, "listening");
  return server;
}

/** As a killed process leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = await listening(`${path}-`);
  // The name that it was bound to goes when it is closed in an orderly way.
  linkSync(`${path}-`, path);
  await closed(server);
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
