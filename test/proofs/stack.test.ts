import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { shipped } from "../prometheus/shipped.ts";
import { printTable } from "../support/print-table.ts";
import { describeWithServer } from "../support/servers.ts";

/** What people are told: gauges and counters in Prometheus after so many seconds, on a machine at rest. */
const PROMISED_SECONDS = 20;

/** Of what a job has reported, the reporter has read, and Prometheus has scraped itself. */
const EXPECTED: readonly string[] = [
  'trades_total{job="backtest",side="BUY"}',
  'batch_job_runs_total{job="backtest",outcome="succeeded"}',
  'batch_job_runs_total{job="analysis",outcome="succeeded"}',
  'batch_job_last_success_timestamp_seconds{job="backtest"}',
  'portfolio_total_value{job="portfolio_reporter",mode="live"}',
  'kill_switch_status{job="portfolio_reporter",mode="live"}',
  'closing_bell_source_up{source="timescale"}',
  'trades_total{job="ai-trading-system",mode="live"}',
  'up{job="alertmanager"}',
];

describeWithServer(
  "pushgateway",
  "prometheus",
  "alertmanager",
  "postgres",
  "initdb",
  "redis",
)("npm run stack", () => {
  let folder: string;
  let stack: ChildProcess;
  let printed = "";
  const seconds: [what: string, seconds: string][] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "cb-stack-"));
    // Its database may run under another account.
    chmodSync(folder, 0o755);
    // A group of its own, as a terminal has it: Ctrl-C goes to all of it.
    stack = spawn("npm", ["run", "-s", "stack"], {
      cwd: shipped("."),
      detached: true,
      env: { ...process.env, TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [stack.stdout, stack.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        printed += chunk;
      });
    }
  });

  afterAll(() => {
    if (stack.exitCode === null && stack.signalCode === null) signalAll("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    printTable("npm run stack", ["what", "seconds"], seconds);
  });

  const signalAll = (signal: NodeJS.Signals) => process.kill(-(stack.pid ?? 0), signal);

  /** Waits for what the stack prints. @throws with all of it when it ends without. */
  async function line(pattern: RegExp): Promise<string> {
    for (;;) {
      const [, found] = pattern.exec(printed) ?? [];
      if (found !== undefined) return found;
      if (stack.exitCode !== null) throw new Error(`ended without ${pattern}: ${printed}`);
      await pause(50);
    }
  }

  test("shows gauges and counters in Prometheus, and both are fresh", async () => {
    const started = performance.now();
    const prometheus = await line(/^# Prometheus +(\S+)/m);
    const printedAt = performance.now();
    for (const selector of EXPECTED) {
      while ((await query(prometheus, selector)).length === 0) await pause(100);
    }
    const shownAt = performance.now();
    seconds.push(["start to the addresses", inSeconds(printedAt - started)]);
    seconds.push(["start to all gauges and counters", inSeconds(shownAt - started)]);

    // The jobs go on, each run in a process of its own, and counters grow.
    const runs = 'batch_job_runs_total{job="backtest",outcome="succeeded"}';
    const [first = 0] = await query(prometheus, runs);
    while (((await query(prometheus, runs))[0] ?? 0) < first + 2) await pause(100);
    expect(shownAt - printedAt).toBeLessThan(3 * PROMISED_SECONDS * 1000);
  }, 180_000);

  test("runs the shipped rules, and calls the pager when trading is halted", async () => {
    const redis = await line(/^export REDIS_URL=redis:\/\/127\.0\.0\.1:(\d+)$/m);
    const began = performance.now();
    // As the stack says itself.
    const socket = connect(Number(redis), "127.0.0.1").end("SET trading:kill_switch 1\r\n");
    await once(socket.resume(), "close");
    await line(/^(pager: firing KillSwitchActivated of portfolio_reporter)/m);
    seconds.push(["kill switch pressed to the pager", inSeconds(performance.now() - began)]);
  }, 120_000);

  test("ends with Ctrl-C and leaves nothing behind", async () => {
    const addresses = [...printed.matchAll(/(?:127\.0\.0\.1):(\d+)/g)].map(([, port]) => port);
    const ports = new Set(addresses.map(Number));
    expect(ports.size).toBeGreaterThanOrEqual(6);
    expect(processesOf(folder).length).toBeGreaterThanOrEqual(8);
    const began = performance.now();
    const closed = once(stack, "close");
    signalAll("SIGINT");
    await closed;
    seconds.push(["Ctrl-C to the end", inSeconds(performance.now() - began)]);

    expect(processesOf(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    for (const port of ports) expect(await isListening(port)).toBe(false);
  }, 120_000);
});

/** Values of the series of a selector. */
async function query(prometheus: string, selector: string): Promise<readonly number[]> {
  const url = new URL("/api/v1/query", prometheus);
  url.searchParams.set("query", selector);
  const { data } = (await (await fetch(url)).json()) as {
    readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
  };
  return data.result.map(({ value }) => Number(value[1]));
}

/** Command lines of the processes that were started for this folder: it is in their environment. */
function processesOf(folder: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => `${readProc(pid, "environ")}${readProc(pid, "cmdline")}`.includes(folder))
    .map((pid) => readProc(pid, "cmdline").replaceAll("\0", " "));
}

/** Empty for a process that is gone, or somebody else's. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

async function isListening(port: number): Promise<boolean> {
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

function inSeconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(2);
}
