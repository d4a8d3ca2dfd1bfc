import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { Notification } from "../prometheus/receivers.ts";
import { removeStateDirectories } from "../support/state-directory.ts";
import { runAfterAll } from "./no-jest.ts";
import { runStackJob, STACK_JOBS } from "./stack-jobs.ts";
import { startMonitoring } from "./stack-monitoring.ts";
import { type StackProgram, startProgram } from "./stack-programs.ts";
import { startTradingSystem, type TradingSystem } from "./trading-system.ts";

/*
 * `npm run stack`: a small trading system and its monitoring, of real servers, until Ctrl-C. It starts
 * itself again for the servers, and with the name of a job for each run of one.
 */

/** Where the command is bundled to. `dist/` may be old, or be built anew while this runs. */
const PROGRAM_FOLDER = ".cache/bundles/cli";

const PROGRAM = `${PROGRAM_FOLDER}/closing-bell.js`;

/** Argument of the process that has the servers. */
const SERVERS = "servers";

/** From one round of jobs, and one look of the reporter, to the next. */
const ROUND_SECONDS = 5;

type Environment = Readonly<Record<string, string>>;

async function main(): Promise<void> {
  const [, self = "", what] = process.argv;
  const job = STACK_JOBS.find((name) => name === what);
  if (job !== undefined) return runStackJob(job);
  return what === SERVERS ? untilStopped() : supervise(self);
}

/**
 * Keeps Ctrl-C, which a terminal sends to everybody, from the servers: one that dies while another one
 * waits for it would not be stopped in order. They are in a group of their own, behind a pipe.
 */
async function supervise(self: string): Promise<void> {
  const child = spawn(process.execPath, [self, SERVERS], {
    detached: true,
    stdio: ["pipe", "inherit", "inherit"],
  });
  // They stay: a second Ctrl-C must not leave it in the middle of tidying up.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.stdin.end());
  const [code] = await once(child, "close");
  process.exitCode = code ?? 1;
}

async function untilStopped(): Promise<void> {
  const stopped = new AbortController();
  // It ends when it is told to, and when whoever could tell it is gone.
  process.stdin.resume().on("end", () => stopped.abort());
  process.on("SIGTERM", () => stopped.abort());
  const undoing: (() => unknown)[] = [runAfterAll, removeStateDirectories];
  try {
    await runStack(stopped.signal, (undo) => undoing.unshift(undo));
  } finally {
    for (const undo of undoing) await Promise.resolve().then(undo).catch(tell);
    process.stdin.destroy();
  }
}

/** @param atEnd is given what undoes each step, once it is done. */
async function runStack(stop: AbortSignal, atEnd: (undo: () => unknown) => void): Promise<void> {
  const bundled = bundleCommand();
  // Told below, when there is something to stop.
  bundled.catch(() => {});
  const system = await startTradingSystem();
  atEnd(system.stop);
  await bundled;
  if (stop.aborted) return;
  const env = environmentOf(system);
  const live = await startLiveSystem(env);
  atEnd(live.program.stop);
  if (stop.aborted) return;
  const monitoring = await startMonitoring({
    pushgateway: system.gateway.url,
    tradingSystem: live.url,
    onNotification: (notification) => print(describe(notification)),
    atEnd,
  });
  print(introduction({ ...monitoring, system, tradingSystem: live.url }));

  const reporter = startProgram(
    [
      PROGRAM,
      "report",
      "--config",
      "test/e2e/report.json",
      "--every",
      `${ROUND_SECONDS}s`,
      "--quiet",
    ],
    { env, onLine: (line) => print(`report: ${line}`) },
  );
  atEnd(reporter.stop);
  await runJobsUntil(stop, env);
}

async function bundleCommand(): Promise<void> {
  const args = ["run", "-s", "bundle", "--", `--outdir=${PROGRAM_FOLDER}`];
  await promisify(execFile)("npm", args);
}

/** Nothing of the user's own: neither their configuration nor their gateway. */
function environmentOf({ env }: TradingSystem): Environment {
  const home = join(dirname(env["CLOSING_BELL_STATE_DIR"] ?? ""), "home");
  mkdirSync(home);
  const { PATH = "" } = process.env;
  return { PATH, HOME: home, NO_COLOR: "1", ...env };
}

/** The long-running trading system that Prometheus scrapes itself, with made-up values. */
async function startLiveSystem(
  env: Environment,
): Promise<{ readonly url: URL; readonly program: StackProgram }> {
  return new Promise((resolve, reject) => {
    const program = startProgram([PROGRAM, "serve", "--demo", "--listen", "127.0.0.1:0"], {
      env,
      onLine(line) {
        const [address] = /http:\S+/.exec(line) ?? [];
        if (address === undefined) print(`serve: ${line}`);
        else resolve({ url: new URL(address), program });
      },
    });
    program.ended.then((code) => reject(new Error(`${PROGRAM} serve ended with ${code}`)), reject);
  });
}

async function runJobsUntil(stop: AbortSignal, env: Environment): Promise<void> {
  const [, self = ""] = process.argv;
  while (!stop.aborted) {
    for (const job of STACK_JOBS) {
      const run = startProgram([self, job], { env, onLine: (line) => print(`${job}: ${line}`) });
      await run.ended;
    }
    await pause(ROUND_SECONDS * 1000, undefined, { signal: stop }).catch(() => {});
  }
}

function introduction({
  system: { env, gateway, redis },
  prometheus,
  alertmanager,
  tradingSystem,
}: {
  readonly system: TradingSystem;
  readonly prometheus: URL;
  readonly alertmanager: URL;
  readonly tradingSystem: URL;
}): string {
  return [
    ...Object.entries(env).map(([name, value]) => `export ${name}=${value}`),
    `# Prometheus      ${prometheus.href}`,
    `# Alertmanager    ${alertmanager.href}`,
    `# Pushgateway     ${gateway.url.href}`,
    `# trading system  ${tradingSystem.href}`,
    `# ${STACK_JOBS.join(" and ")} run, and the reporter looks, every ${ROUND_SECONDS} s. Notifications come below.`,
    "# To halt trading, and see the pager called (bash):",
    `#   printf 'SET trading:kill_switch 1\\r\\n' > /dev/tcp/127.0.0.1/${redis.port}`,
    "# until Ctrl-C",
  ].join("\n");
}

function describe({ receiver, status, labels, annotations }: Notification): string {
  const { alertname, job } = labels;
  const what = job === undefined ? alertname : `${alertname} of ${job}`;
  return `${receiver}: ${status} ${what}: ${annotations["summary"] ?? ""}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}

main().catch(tell);
