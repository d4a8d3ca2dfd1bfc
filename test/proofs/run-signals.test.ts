/**
 * The table of exit codes and signals: what `run` does, row by row, as real processes see it. Printed
 * whole at the end. Long because the table is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { emptyGateway } from "../cli/empty-gateway.ts";
import {
  hasNamespaces,
  hasScript,
  type Launcher,
  node,
  type ObservedRun,
  observeRun,
  PLAIN,
  QUICK,
  READING,
  STUBBORN,
  sh,
  TRAPPING,
} from "../cli/observed-run.ts";
import { PROGRAM, start } from "../cli/start-cli.ts";
import { serve } from "../support/http-server.ts";
import { printTable } from "../support/print-table.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

let env: Readonly<Record<string, string>>;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "closing-bell-signals-"));
  // No gateway: what is reported is recorded, and that takes no time. What a run that is killed leaves
  // behind goes with the folder.
  env = { CLOSING_BELL_STATE_DIR: stateDirectory(), TMPDIR: folder };
  writeFileSync(join(folder, "not-executable"), "true\n", { mode: 0o600 });
});

/** Of the table: what was expected and seen. */
const table: (readonly [string, string, string, string])[] = [];

afterAll(() => {
  printTable(
    "closing-bell run: exit codes and signals",
    ["started", "row", "expected", "seen"],
    table,
  );
  removeStateDirectories();
  rmSync(folder, { recursive: true, force: true });
});

type Row = {
  readonly by?: Launcher;
  readonly row: string;
  readonly flags?: readonly string[];
  readonly command: readonly string[];
  /** What happens to it once it is ready. Default nothing. */
  readonly when?: (run: ObservedRun) => unknown;
  readonly expected: string;
};

const SOON = ["--kill-after", "300ms"];
const CTRL_C = "\u0003";
const CTRL_BACKSLASH = "\u001c";

/** Goes on after Ctrl-C, as a shell or a debugger does, for longer than the grace that it has. */
const INTERACTIVE = node(`
  process.on("SIGINT", () => {
    console.log("got SIGINT");
    setTimeout(() => process.exit(0), 700);
  });
  setInterval(() => {}, 1000);
  console.log("ready " + process.ppid);`);

/** Says whether it has SIGHUP ignored, as nohup hands it on. */
const HANGUP_MASK = sh(
  'grep -q "SigIgn:.*[13579bdf]$" /proc/self/status && echo "got SIGHUP ignored"; echo "ready $PPID"; read line',
);

const hasSetpriv = spawnSync("setpriv", ["--pdeathsig", "TERM", "true"]).status === 0;

const signalled = (signal: NodeJS.Signals) => (run: ObservedRun) => run.kill(signal);
const typed = (text: string) => (run: ObservedRun) => run.type(text);

const ROWS: readonly Row[] = [
  { row: "the command exits with 0", command: ["true"], expected: "exit 0; succeeded" },
  { row: "with 3", command: sh("exit 3"), expected: "exit 3; failed" },
  { row: "with 255", command: sh("exit 255"), expected: "exit 255; failed" },
  { row: "dies of SIGKILL", command: sh("kill -KILL $$"), expected: "exit 137; failed" },
  { row: "dies of SIGTERM", command: sh("kill -TERM $$"), expected: "by SIGTERM; failed" },
  { row: "dies of SIGINT", command: sh("kill -INT $$"), expected: "by SIGINT; failed" },
  { row: "dies of SIGHUP", command: sh("kill -HUP $$"), expected: "by SIGHUP; failed" },
  { row: "dies of SIGQUIT", command: sh("kill -QUIT $$"), expected: "exit 131; failed" },
  { row: "is not there", command: ["no-such-command"], expected: "exit 127; failed" },
  { row: "is not executable", command: ["./not-executable"], expected: "exit 126; failed" },
  {
    row: "usage error",
    flags: ["--timeout", "soon"],
    command: ["true"],
    expected: "exit 125; no report",
  },
  ...(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const).map((signal) => ({
    row: `${signal}, which the command handles`,
    command: TRAPPING,
    when: signalled(signal),
    expected: `exit 5; interrupted; got ${signal}`,
  })),
  {
    row: "SIGTERM, which it dies of",
    command: PLAIN,
    when: signalled("SIGTERM"),
    expected: "by SIGTERM; interrupted",
  },
  {
    row: "SIGTERM, which it ignores",
    flags: SOON,
    command: STUBBORN,
    when: signalled("SIGTERM"),
    expected: "exit 137; interrupted",
  },
  {
    row: "SIGINT and then SIGTERM",
    command: TRAPPING,
    when: async (run) => {
      await run.kill("SIGINT");
      await run.printed(/got SIGINT/);
      await run.kill("SIGTERM");
    },
    expected: "exit 5; interrupted; got SIGINT SIGTERM",
  },
  {
    row: "--timeout, of which it dies",
    flags: ["--timeout", "200ms"],
    command: PLAIN,
    expected: "exit 124; timed_out",
  },
  {
    row: "--timeout, and it exits with 5",
    flags: ["--timeout", "500ms"],
    command: QUICK,
    expected: "exit 124; timed_out; got SIGTERM",
  },
  {
    row: "--timeout, which it ignores",
    flags: ["--timeout", "500ms", ...SOON],
    command: STUBBORN,
    expected: "exit 124; timed_out",
  },
  {
    row: "SIGKILL, of which it knows nothing",
    command: READING,
    when: async (run) => {
      await run.kill("SIGKILL");
      run.type("a line\n");
    },
    expected: "by SIGKILL; no report; got a line",
  },
  ...(hasSetpriv
    ? [
        {
          row: "SIGKILL, and setpriv --pdeathsig TERM",
          command: ["setpriv", "--pdeathsig", "TERM", ...QUICK],
          when: signalled("SIGKILL"),
          expected: "by SIGKILL; no report; got SIGTERM",
        },
      ]
    : []),
  { by: "terminal", row: "exits with 3", command: sh("exit 3"), expected: "exit 3; failed" },
  {
    by: "terminal",
    row: "dies of SIGKILL",
    command: sh("kill -KILL $$"),
    expected: "exit 137; failed",
  },
  {
    by: "terminal",
    row: "Ctrl-C, which it handles slowly",
    command: TRAPPING,
    when: typed(CTRL_C),
    expected: "exit 5; interrupted; got SIGINT",
  },
  {
    by: "terminal",
    row: "Ctrl-C, which it dies of",
    command: PLAIN,
    when: typed(CTRL_C),
    expected: "exit 130; interrupted",
  },
  {
    by: "terminal",
    row: "Ctrl-C, after which it goes on",
    flags: SOON,
    command: INTERACTIVE,
    when: typed(CTRL_C),
    expected: "exit 0; succeeded; got SIGINT",
  },
  {
    by: "terminal",
    row: "Ctrl-\\, which it handles",
    command: TRAPPING,
    when: typed(CTRL_BACKSLASH),
    expected: "exit 5; interrupted; got SIGQUIT",
  },
  ...(["SIGTERM", "SIGHUP"] as const).map((signal) => ({
    by: "terminal" as const,
    row: `${signal}, which it handles`,
    command: TRAPPING,
    when: signalled(signal),
    expected: `exit 5; interrupted; got ${signal}`,
  })),
  {
    by: "terminal",
    row: "SIGTERM, which it ignores",
    flags: SOON,
    command: STUBBORN,
    when: signalled("SIGTERM"),
    expected: "exit 137; interrupted",
  },
  {
    by: "terminal",
    row: "--timeout, of which it dies",
    flags: ["--timeout", "200ms"],
    command: PLAIN,
    expected: "exit 124; timed_out",
  },
  {
    by: "pid 1",
    row: "dies of SIGTERM",
    command: sh("kill -TERM $$"),
    expected: "exit 143; failed",
  },
  {
    by: "pid 1",
    row: "SIGTERM, which it dies of",
    command: sh("kill -TERM 1; read line"),
    expected: "exit 143; interrupted",
  },
  {
    by: "nohup",
    row: "SIGHUP, which the command does not get",
    command: TRAPPING,
    when: async (run) => {
      await run.kill("SIGHUP");
      run.type("go\n");
    },
    expected: "exit 0; succeeded",
  },
  {
    by: "nohup",
    row: "is not there",
    command: ["no-such-command"],
    expected: "exit 127; failed",
  },
  ...(["nohup", "trap"] as const).map((by) => ({
    by,
    row: "the command has SIGHUP ignored",
    command: HANGUP_MASK,
    when: async (run: ObservedRun) => {
      await run.kill("SIGHUP");
      run.type("go\n");
    },
    expected: "exit 0; succeeded; got SIGHUP ignored",
  })),
];

const hasProc = existsSync("/proc/self/status");

/** Who starts it, and whether that can be had here. */
const LAUNCHERS: readonly { readonly launcher: Launcher; readonly isHere: boolean }[] = [
  { launcher: "plain", isHere: true },
  { launcher: "terminal", isHere: hasScript },
  { launcher: "pid 1", isHere: hasNamespaces },
  { launcher: "nohup", isHere: hasProc && existsSync("/bin/bash") },
  { launcher: "trap", isHere: hasProc },
];

describe.each(LAUNCHERS)("run, started by: $launcher,", ({ launcher, isHere }) => {
  const rows = ROWS.filter(({ by = "plain" }) => by === launcher);
  (isHere ? test : test.skip).each(rows)(
    "$row: $expected",
    async ({ row, flags = [], command, when, expected }) => {
      const run = observeRun(launcher, flags, command, env, folder);
      if (when !== undefined) {
        await run.printed(/ready/);
        await when(run);
      }

      // Once its streams are closed, too: nobody is left of a group that was killed.
      const seen = await run.seen;

      table.push([launcher, row, expected, seen]);
      expect(seen).toBe(expected);
    },
  );
});

test("run ends with the command, though a process that it left behind holds its streams", async () => {
  const run = `'${process.execPath}' '${PROGRAM}' run --quiet -j x -- sh -c 'sleep 600 & echo "left $!"; exit 3'`;
  const shell = start("sh", ["-c", `${run}; echo "ended with $?"`], { env });

  const [, pid] = await shell.printed(/left (\d+)/);
  await shell.printed(/ended with 3/);
  table.push(["plain", "exits with 3, its streams are held", "exit 3", "exit 3"]);

  process.kill(Number(pid), "SIGKILL");
  await shell.ended;
});

/** Takes reports, and resolves to the text of the first one that tells an end. */
async function reportServer() {
  let reported = (_body: string) => {};
  const report = new Promise<string>((resolve) => {
    reported = resolve;
  });
  let began = () => {};
  const start = new Promise<void>((resolve) => {
    began = resolve;
  });
  const server = await serve(
    emptyGateway((_request, response, body) => {
      response.end();
      began();
      if (body.includes("batch_job_exit_code")) reported(body.toString());
    }),
  );
  const own = {
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
    PUSHGATEWAY_URL: server.url.href,
  };
  return { env: own, start, report, close: server.close };
}

/** What a report tells, of what was expected of it. */
function told(report: string, expected: string): string {
  const lines = report.split("\n");
  return expected
    .split(", ")
    .filter((line) => lines.includes(line))
    .join(", ");
}

(hasScript ? describe : describe.skip)("when its terminal goes away, run", () => {
  test("tells the command, and reports", async () => {
    const expected = 'batch_job_exit_code 5, batch_job_runs_total{outcome="interrupted"} 1';
    const server = await reportServer();
    // Silent: there is no terminal any more to write to.
    const command = sh('trap "exit 5" HUP; echo "ready $PPID"; sleep 600 & wait');
    const run = observeRun("terminal", [], command, server.env, folder);
    await run.printed(/ready/);
    run.hangUp();

    const seen = told(await server.report, expected);

    await server.close();
    table.push(["terminal", "it goes away", expected, seen]);
    expect(seen).toBe(expected);
  });

  test("goes on under nohup, which nothing tells but its standard input", async () => {
    const expected = 'batch_job_exit_code 0, batch_job_runs_total{outcome="succeeded"} 1';
    const server = await reportServer();
    spawnSync("mkfifo", [join(folder, "go")]);
    const command = sh(`read line < '${join(folder, "go")}'`);
    const run = observeRun("nohup at a terminal", [], command, server.env, folder);
    await server.start;
    run.hangUp();
    // The terminal is gone, and SIGHUP sent, when its streams are closed.
    await run.seen;
    writeFileSync(join(folder, "go"), "on\n");

    const seen = told(await server.report, expected);

    await server.close();
    table.push(["nohup", "its terminal goes away", expected, seen]);
    expect(seen).toBe(expected);
  });
});
