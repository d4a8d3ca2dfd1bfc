import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";

export type RealGateway = {
  readonly url: URL;
  close(): Promise<void>;
};

const COMMANDS = ["prometheus-pushgateway", "pushgateway"];

/** Deadline of a start, in milliseconds. */
const START_TIMEOUT_MS = 15_000;

/**
 * Path of the real Pushgateway's program: what `PUSHGATEWAY_BINARY` names, else from PATH, else what
 * `npm run servers` unpacked. Looked for from the working directory, since this file is bundled.
 */
export function findRealGateway(): string | undefined {
  const { PUSHGATEWAY_BINARY, PATH = "", SERVERS_DIR } = process.env;
  if (PUSHGATEWAY_BINARY) return PUSHGATEWAY_BINARY;
  const servers = SERVERS_DIR || join(process.cwd(), ".cache", "servers");
  const folders = [...PATH.split(delimiter), join(servers, "root", "usr", "bin")];
  const paths = folders.flatMap((folder) => COMMANDS.map((command) => join(folder, command)));
  return paths.find((path) => existsSync(path)) ?? unpackedCommand(join(servers, "servers.json"));
}

/** Starts it on a free port, without a persistence file, and waits until it is ready. */
export async function startRealGateway(binary: string): Promise<RealGateway> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(binary, ["--persistence.file=", `--web.listen-address=${address}`], {
      stdio: "ignore",
    });
    const url = new URL(`http://${address}/`);
    if (await isReady(child, url, deadline)) {
      const killAtExit = () => child.kill("SIGKILL");
      process.once("exit", killAtExit);
      return {
        url,
        async close() {
          process.off("exit", killAtExit);
          await end(child);
        },
      };
    }
    await end(child);
    if (performance.now() > deadline) throw new Error(`${binary} did not get ready`);
  }
}

/** False when the process ended, perhaps because another one took the port, or it took too long. */
async function isReady(child: ChildProcess, url: URL, deadline: number): Promise<boolean> {
  let failed = false;
  child.once("error", () => {
    failed = true;
  });
  while (!failed && child.exitCode === null && performance.now() < deadline) {
    const ready = await fetch(new URL("/-/ready", url)).then(
      async (response) => (await response.text()) === "OK",
      () => false,
    );
    if (ready && child.exitCode === null) return true;
    await sleep(20);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function unpackedCommand(foundFile: string): string | undefined {
  if (!existsSync(foundFile)) return undefined;
  const found: Record<string, { command: string } | null> = JSON.parse(
    readFileSync(foundFile, "utf8"),
  );
  return found["pushgateway"]?.command;
}
