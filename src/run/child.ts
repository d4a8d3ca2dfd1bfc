import { type ChildProcess, spawn } from "node:child_process";

export type ChildOptions = {
  /** Added to our own environment; undefined takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Whether a terminal controls us. Then the child stays in our process group, so that Ctrl-C reaches
   * it once, and further signals reach it alone. Without one it has a group of its own, which signals
   * reach whole.
   */
  readonly hasTerminal: boolean;
  /** Whether we were started to outlive the terminal (nohup): then the child is, too. Default false. */
  readonly ignoresHangup?: boolean;
  /** After it the child gets SIGTERM. Milliseconds; 0, the default, is never. */
  readonly timeoutMs?: number;
  /** SIGKILL follows so long after the first signal that it was sent. Milliseconds; 0 is never. */
  readonly killAfterMs?: number;
};

export type Child = {
  /** Resolves when it has ended, whoever may still hold its streams. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Lets signals end us again. Until then they are the child's, or nobody's once it has ended. */
  release(): void;
};

export type ChildEnd = {
  readonly how: CommandEnd;
  /** Its time was over: we ended it. */
  readonly timedOut: boolean;
  /** We were sent a signal that asks a job to end, whatever the child made of it. */
  readonly interrupted: boolean;
  readonly durationSeconds: number;
};

export type CommandEnd =
  | { readonly type: "exited"; readonly code: number }
  | { readonly type: "signalled"; readonly signal: NodeJS.Signals }
  | { readonly type: "not started"; readonly error: NodeJS.ErrnoException };

/**
 * Time that a job has to end in after it was asked to. With 5 seconds for the report this stays below
 * the 30 that ECS, AWS Batch and Kubernetes give before they kill.
 */
export const DEFAULT_KILL_AFTER_MS = 20_000;

/** Signals that ask a job to end; whoever sends them to us means the job. */
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

type Forwarded = (typeof FORWARDED)[number];

/** Sent by the terminal to its whole foreground group: the child has them already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/** Starts a command with our standard streams, and passes signals on to it. Never throws. */
export function startChild(command: readonly [string, ...string[]], options: ChildOptions): Child {
  const { hasTerminal, ignoresHangup = false, timeoutMs = 0 } = options;
  const { killAfterMs = DEFAULT_KILL_AFTER_MS } = options;
  const started = performance.now();
  /** While it runs: once it has ended, its id may be another's. */
  let pid: number | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  let askedToEnd = false;
  let timedOut = false;
  let interrupted = false;

  /** To the whole group, where the child has one of its own. */
  function send(signal: NodeJS.Signals): void {
    if (pid === undefined) return;
    try {
      process.kill(hasTerminal ? pid : -pid, signal);
    } catch {
      // It has ended in the meantime, and its end is on the way to us.
    }
  }

  function askToEnd(signal: NodeJS.Signals): void {
    send(signal);
    if (!askedToEnd && killAfterMs > 0) killTimer = setTimeout(send, killAfterMs, "SIGKILL");
    askedToEnd = true;
  }

  function forward(signal: Forwarded): void {
    if (pid === undefined || (signal === "SIGHUP" && ignoresHangup)) return;
    interrupted = true;
    // What was typed at a terminal is between its user and the command: a shell or a debugger goes
    // on after Ctrl-C.
    if (!(hasTerminal && FROM_TERMINAL.includes(signal))) askToEnd(signal);
  }

  // Before the child exists: a signal in between must not end us without a report.
  for (const signal of FORWARDED) process.on(signal, forward);

  const timer =
    timeoutMs > 0
      ? setTimeout(() => {
          // It was interrupted before: that is why it ends, and its grace is running.
          if (askedToEnd) return;
          timedOut = true;
          askToEnd("SIGTERM");
        }, timeoutMs)
      : undefined;

  const ended = new Promise<CommandEnd>((resolve) => {
    let child: ChildProcess;
    try {
      const [program, ...args] = ignoresHangup ? withoutHangup(command) : command;
      const env = { ...process.env, ...options.env };
      child = spawn(program, args, { stdio: "inherit", detached: !hasTerminal, env });
    } catch (error) {
      // What is wrong with some paths (empty, through a file) spawn throws instead of emitting.
      resolve({ type: "not started", error: error as NodeJS.ErrnoException });
      return;
    }
    pid = child.pid;
    child.once("error", (error) => resolve({ type: "not started", error }));
    child.once("exit", (code, signal) => {
      resolve(
        signal === null ? { type: "exited", code: code ?? 1 } : { type: "signalled", signal },
      );
    });
  }).then((how): ChildEnd => {
    pid = undefined;
    clearTimeout(timer);
    clearTimeout(killTimer);
    const durationSeconds = (performance.now() - started) / 1000;
    // Ctrl-C reaches both of us, and the child's death of it may be seen before our own signal.
    const ofCtrlC = hasTerminal && how.type === "signalled" && FROM_TERMINAL.includes(how.signal);
    return { how, timedOut, interrupted: interrupted || ofCtrlC, durationSeconds };
  });

  return {
    ended,
    release() {
      for (const signal of FORWARDED) process.off(signal, forward);
    },
  };
}

/** Node gives every child the default disposition, so the shell has to ignore it once more. */
function withoutHangup(command: readonly string[]): readonly [string, ...string[]] {
  return ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", ...command];
}
