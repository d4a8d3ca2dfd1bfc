import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { HostAddress, Lookup } from "../push/exchange.ts";

/** What getent exits with when it does not know the name, or no name server answers. */
const NOT_KNOWN = 2;

/**
 * Looks a host up in a process of its own, which can be ended. The system's lookup within ours cannot:
 * Node waits for its threads as it exits, so a name server that is silent would keep us for as long as
 * the resolver tries, deadline or not. `getent` asks the same sources in the same order
 * (nsswitch.conf, hosts file, name servers). Where there is none, the system's lookup has to do.
 */
export const lookupHost: Lookup = async (host, signal) => {
  // Of the hosts file: no name server is asked.
  if (host === "localhost") return systemLookup(host);
  const answer = await getent(host, signal);
  if (answer === "unavailable") return systemLookup(host);
  return answer;
};

async function systemLookup(host: string): Promise<readonly HostAddress[]> {
  const addresses = await lookup(host, { all: true });
  return addresses.map(({ address }) => addressOf(address));
}

/** No address means that the name is not known. */
function getent(
  host: string,
  signal: AbortSignal,
): Promise<readonly HostAddress[] | "unavailable"> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // In a session of its own: Ctrl-C is meant for the command and not for this.
    const child = spawn("getent", ["ahosts", host], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });

    function giveUp(): void {
      if (child.pid !== undefined) killGroup(child.pid);
      // Neither it nor whoever holds its pipe keeps us from ending.
      child.stdout.destroy();
      child.unref();
      reject(signal.reason);
    }
    signal.addEventListener("abort", giveUp, { once: true });
    function settle(answer: readonly HostAddress[] | "unavailable"): void {
      signal.removeEventListener("abort", giveUp);
      resolve(answer);
    }
    child.once("error", () => settle("unavailable"));
    child.once("close", (code) => {
      if (code === 0) settle(addressesOf(text));
      else settle(code === NOT_KNOWN ? [] : "unavailable");
    });
  });
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It is over.
  }
}

/** Of lines such as `127.0.0.1  STREAM localhost`, one per address and socket type. */
function addressesOf(text: string): readonly HostAddress[] {
  const words = text.split("\n").map((line) => line.replace(/\s.*/s, ""));
  return [...new Set(words)].filter((word) => isIP(word) !== 0).map(addressOf);
}

function addressOf(address: string): HostAddress {
  return { address, family: isIP(address) === 6 ? 6 : 4 };
}
