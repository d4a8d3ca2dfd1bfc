import { spawnSync } from "node:child_process";
import { PROGRAM, start } from "./start-cli.ts";

/** util-linux's `script` gives a command a terminal of its own; on other systems it is another one. */
export const hasScript =
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true;

/** Whether a process may be the first one of a container here. */
export const hasNamespaces = spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;

/** What `run` is started by. `trap` is a shell that ignores SIGHUP. */
export type Launcher = "plain" | "terminal" | "pid 1" | "nohup" | "nohup at a terminal" | "trap";

/**
 * Says `ready` with the id of `run`, then what it gets, and ends in its own time after the first
 * signal: so that a second one would be seen. Without a signal it ends with 0 when it reads a line.
 */
export const TRAPPING = node(`
  let got = 0;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => {
      console.log("got " + signal);
      if (++got === 1) setTimeout(() => process.exit(5), 300);
    });
  }
  process.stdin.on("data", () => process.exit(0));
  console.log("ready " + process.ppid);`);

/** Dies of the first signal. */
export const PLAIN = sh('echo "ready $PPID"; read line');

/** Exits with 5 when it gets SIGTERM; fit to take it from its first moment on. */
export const QUICK = sh(
  'trap "trap \'\' TERM; echo got SIGTERM; exit 5" TERM; echo "ready $PPID"; read line',
);

/** Ignores SIGTERM, and so does a process that it started. */
export const STUBBORN = sh(
  'trap "" TERM; sleep 600 & echo "ready $PPID"; while :; do sleep 600; done',
);

/** Lives until it reads a line, and says so. */
export const READING = sh('echo "ready $PPID"; read line; echo "got $line"');

export function node(script: string): readonly string[] {
  return [process.execPath, "-e", script];
}

export function sh(script: string): readonly string[] {
  return ["sh", "-c", script];
}

export type ObservedRun = {
  /** Resolves to what was printed, once it matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** To `run` alone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** To its standard input: what its user types, where there is a terminal. */
  type(text: string): void;
  /** Ends the terminal, as a connection does that is lost. */
  hangUp(): void;
  /** How it ended and what it said, in one line: see {@link describeRun}. */
  readonly seen: Promise<string>;
};

/** `closing-bell run --json`, started as a user may start it. */
export function observeRun(
  launcher: Launcher,
  flags: readonly string[],
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): ObservedRun {
  const run = [process.execPath, PROGRAM, "run", "--json", "-j", "x", ...flags, "--", ...command];
  const [program, ...args] = launched(launcher, run);
  const started = start(program, args, { env: { ...env, SHELL: "/bin/sh" }, cwd });
  return {
    printed: started.printed,
    async kill(signal) {
      const [, pid] = await started.printed(/ready (\d+)/);
      // Not of the container, whose 1 is another one here.
      if (launcher === "pid 1") throw new Error("its id is not known out here");
      process.kill(Number(pid), signal);
    },
    type: (text) => started.stdin.write(text),
    hangUp: () => started.kill("SIGKILL"),
    seen: started.ended.then(({ code, signal, stdout, stderr }) => {
      return describeRun(signal === null ? `exit ${code}` : `by ${signal}`, `${stdout}${stderr}`);
    }),
  };
}

function launched(launcher: Launcher, run: readonly string[]): [string, ...string[]] {
  const words = run.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  switch (launcher) {
    case "plain":
      return [...run] as [string, ...string[]];
    case "terminal":
      // exec: a shell in between would get the Ctrl-C too.
      return ["script", "-qefc", `exec ${words}`, "/dev/null"];
    case "pid 1":
      return ["unshare", "--pid", "--fork", ...run];
    case "nohup":
      return ["bash", "-c", `nohup ${words}; exit $?`];
    case "nohup at a terminal":
      return ["script", "-qefc", `exec nohup ${words}`, "/dev/null"];
    case "trap":
      return ["sh", "-c", `trap "" HUP; ${words}; exit $?`];
    default:
      return launcher satisfies never;
  }
}

/** `exit 5; interrupted; got SIGTERM`: how it ended for its parent, its outcome, what the command got. */
function describeRun(end: string, output: string): string {
  // A terminal shows what is typed.
  const lines = output.split(/\r?\n/).map((line) => line.replace(/^(?:\^[C\\])+/, ""));
  const reports = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const got = lines.filter((line) => line.startsWith("got ")).map((line) => line.slice(4));
  const reported = reports.map(({ outcome, delivery }) =>
    delivery.status === "recorded" ? outcome : `${outcome}, ${delivery.status}`,
  );
  return [
    end,
    reported.length === 0 ? "no report" : reported.join(" and "),
    ...(got.length === 0 ? [] : [`got ${got.join(" ")}`]),
  ].join("; ");
}
