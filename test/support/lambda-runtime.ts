import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "@jest/globals";
import { serve } from "./http-server.ts";

export type LambdaOptions = {
  readonly name: string;
  /** Holds `index.cjs`, which exports `handler`; the working directory, as `/var/task` is. */
  readonly taskRoot: string;
  readonly environment?: Readonly<Record<string, string>>;
};

export type InvokeOptions = {
  /** The function's timeout. Milliseconds, default 3000, as Lambda's own. */
  readonly timeoutMs?: number;
};

export type Invocation = {
  /** `killed`: by us, as its time was over. `crashed`: the process ended on its own, or never got ready. */
  readonly status: "returned" | "threw" | "killed" | "crashed";
  /**
   * What it returned, or its error as `{ errorType, errorMessage, trace }`, also of one that did not get
   * ready. Undefined without an answer.
   */
  readonly body: unknown;
  /** From the event to the runtime's asking for the next one, or to the end of the process. */
  readonly usedMs: number;
  /** How long the process took to ask for its first event; absent in one that was warm. */
  readonly initMs?: number;
  /** What the process wrote meanwhile, on either stream, line by line. */
  readonly logs: readonly string[];
};

export type LambdaFunction = {
  /** Gives the event to a process that is free and warm, to a new one otherwise. */
  readonly invoke: (event: unknown, options?: InvokeOptions) => Promise<Invocation>;
  /** How many processes wait for an event, frozen. */
  readonly warm: () => number;
  /** Ends those, as a deployment or an idle hour does: the next invocation is cold. */
  readonly recycle: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** One process, for one event at a time. */
type Sandbox = {
  readonly invoke: (event: unknown, timeoutMs: number) => Promise<Invocation>;
  readonly isAlive: () => boolean;
  readonly end: () => Promise<void>;
};

type Answer = { readonly status: "returned" | "threw"; readonly body: unknown };

const RUNTIME = "/2018-06-01/runtime";
const DEFAULT_TIMEOUT_MS = 3000;

/** Deadline of a process's start, in milliseconds: Lambda's own for the init phase. */
const INIT_TIMEOUT_MS = 10_000;

const MEMORY_MB = 256;

/** As Lambda's own bootstrap starts Node: a share of the memory for either generation. */
const NODE_FLAGS = [
  "--expose-gc",
  `--max-semi-space-size=${Math.round(MEMORY_MB * 0.05)}`,
  `--max-old-space-size=${Math.round(MEMORY_MB * 0.9)}`,
];

const { CI, LAMBDA_RUNTIME_DIR } = process.env;
const cached = (path: string) => fileURLToPath(new URL(`../../.cache/${path}`, import.meta.url));

/** Node of the functions' runtime, as `lambda-runtime.mjs` leaves it. */
export const NODE_24 = cached("node24/node_modules/.bin/node");

const CLIENT = join(
  LAMBDA_RUNTIME_DIR || cached("lambda-runtime"),
  "node_modules/aws-lambda-ric/index.mjs",
);

/** `describe` for tests that run functions: left out without the runtime client, failing with `CI` set. */
export function describeWithLambda(title: string, tests: () => void): void {
  if (existsSync(CLIENT) && existsSync(NODE_24)) describe(title, tests);
  else if (!CI) describe.skip(title, tests);
  else {
    test(`${title}: needs the Lambda runtime client`, () => {
      throw new Error("no Lambda runtime client found: node test/support/lambda-runtime.mjs");
    });
  }
}

/**
 * A Lambda function on this machine: processes of Node 24 with AWS's own runtime client, each under a
 * stand-in of the Runtime API that freezes it (SIGSTOP) while it has nothing to do, as Lambda does, and
 * ends it (SIGKILL) when an invocation's time is over. It inherits nothing of our environment.
 */
export function startLambda({ name, taskRoot, environment = {} }: LambdaOptions): LambdaFunction {
  const all = new Set<Sandbox>();
  const free: Sandbox[] = [];
  async function endAll(sandboxes: Iterable<Sandbox>): Promise<void> {
    await Promise.all(
      [...sandboxes].map(async (sandbox) => {
        await sandbox.end();
        all.delete(sandbox);
      }),
    );
  }

  return {
    async invoke(event, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
      let sandbox = free.pop();
      if (sandbox === undefined) {
        sandbox = await startSandbox({ name, taskRoot, environment });
        all.add(sandbox);
      }
      const invocation = await sandbox.invoke(event, timeoutMs);
      if (sandbox.isAlive()) free.push(sandbox);
      else await endAll([sandbox]);
      return invocation;
    },
    warm: () => free.length,
    recycle: () => endAll(free.splice(0)),
    async close() {
      free.splice(0);
      await endAll(all);
    },
  };
}

async function startSandbox({
  name,
  taskRoot,
  environment,
}: Required<LambdaOptions>): Promise<Sandbox> {
  const arn = `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;
  let asked = deferred<ServerResponse>();
  let answered = deferred<Answer>();
  let initError: unknown;

  const api = await serve((request, response, body) => {
    const path = request.url ?? "";
    if (path === `${RUNTIME}/invocation/next`) {
      asked.resolve(response);
      return;
    }
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
    // A function that returns nothing answers with no body.
    const told = body.length === 0 ? undefined : JSON.parse(body.toString("utf8"));
    if (path === `${RUNTIME}/init/error`) initError = told;
    else
      answered.resolve({ status: path.endsWith("/response") ? "returned" : "threw", body: told });
  });

  const startedAt = performance.now();
  let initMs: number | undefined;
  const log = openLog();
  const child = spawn(NODE_24, [...NODE_FLAGS, CLIENT], {
    cwd: taskRoot,
    env: environmentOf({ name, taskRoot, environment, api: api.url }),
    // A file: what was written is there when the answer is, even of a process that was killed.
    stdio: ["ignore", log.fd, log.fd],
  });
  const ended = once(child, "exit").then(() => "ended" as const);

  /** A process that hangs is ended, so this settles. */
  async function within<T>(milliseconds: number, happens: Promise<T>) {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, milliseconds);
    try {
      const first = await Promise.race([happens, ended]);
      return first === "ended" ? (isLate ? "killed" : "crashed") : first;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async invoke(event, timeoutMs) {
      child.kill("SIGCONT");
      const isCold = initMs === undefined;
      const next = await within(INIT_TIMEOUT_MS, asked.promise);
      initMs ??= performance.now() - startedAt;
      const cold = isCold ? { initMs } : {};
      if (typeof next === "string") {
        return { status: "crashed", body: initError, usedMs: 0, ...cold, logs: log.lines() };
      }

      asked = deferred();
      answered = deferred();
      const begunAt = performance.now();
      next.writeHead(200, {
        // Without it the client takes the event for something else and stops.
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": randomUUID(),
        "lambda-runtime-deadline-ms": `${Date.now() + timeoutMs}`,
        "lambda-runtime-invoked-function-arn": arn,
        "lambda-runtime-trace-id": `Root=1-${randomUUID().slice(0, 8)}-${"0".repeat(24)};Sampled=0`,
      });
      next.end(JSON.stringify(event));
      const answer = await within(
        timeoutMs,
        Promise.all([answered.promise, asked.promise]).then(([told]) => told),
      );
      const usedMs = performance.now() - begunAt;
      const logs = log.lines();
      if (typeof answer === "string") {
        return { status: answer, body: undefined, usedMs, ...cold, logs };
      }
      child.kill("SIGSTOP");
      return { ...answer, usedMs, ...cold, logs };
    },
    isAlive: () => !hasEnded(child),
    async end() {
      child.kill("SIGKILL");
      await ended;
      await api.close();
      log.close();
    },
  };
}

function environmentOf({
  name,
  taskRoot,
  environment,
  api,
}: Required<LambdaOptions> & { readonly api: URL }): Record<string, string> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_RUNTIME_API: api.host,
    LAMBDA_TASK_ROOT: taskRoot,
    _HANDLER: "index.handler",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${MEMORY_MB}`,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_FORMAT: "JSON",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: "2026/11/20/[$LATEST]0123456789abcdef",
    AWS_REGION: "eu-central-1",
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "a-secret-of-tests",
    AWS_SESSION_TOKEN: "a-token-of-tests",
    ...environment,
  };
}

/** A file that a process writes to, and lines that were not read before. */
function openLog() {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-lambda-"));
  const file = join(folder, "log");
  const fd = openSync(file, "a");
  let seen = 0;
  return {
    fd,
    lines(): readonly string[] {
      const bytes = readFileSync(file);
      const text = bytes.subarray(seen).toString("utf8");
      seen = bytes.length;
      return text.split("\n").filter((line) => line !== "");
    },
    close() {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
