import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Finding } from "./check.ts";
import { type DoctorContext, failed, millisecondsText, ok, stepSignal } from "./context.ts";

/** Addresses of a server, and what was looked up. */
export type FoundHost = { readonly host: string; readonly addresses: readonly string[] };

/** Looks a URL's host up. `origin` says who named it. */
export async function findHost(
  context: DoctorContext,
  { hostname }: URL,
  origin: string,
): Promise<Finding<FoundHost>> {
  // A URL has brackets around an IPv6 address.
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0) {
    return ok(`${host} is an address: no name to look up`, { host, addresses: [host] });
  }
  const signal = stepSignal(context);
  try {
    const found = await context.lookup(host, signal);
    const addresses = found.map(({ address }) => address);
    if (addresses.length > 0) return ok(`${host} is ${addresses.join(", ")}`, { host, addresses });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (signal.aborted) {
      return failed(
        `${host}: no answer within ${millisecondsText(context.stepMs)}: ${NO_NAME_SERVER}`,
      );
    }
    if (code !== "ENOTFOUND")
      return failed(`${host} cannot be looked up (${code ?? error}): ${NO_NAME_SERVER}`);
  }
  return (await isUnknown(host, context))
    ? failed(`there is no host ${host}: check its spelling in ${origin}`)
    : failed(`${host} cannot be looked up: ${NO_NAME_SERVER}`);
}

const NO_NAME_SERVER =
  "no name server answers; check /etc/resolv.conf and the network, or name the host by its address";

/** The system's lookup says the same for a name that is not known and a name server that is silent. */
async function isUnknown(
  host: string,
  { deadline, stepMs, nameServers }: DoctorContext,
): Promise<boolean> {
  const resolver = new Resolver({ timeout: Math.ceil(stepMs / 2), tries: 1 });
  const cancel = () => resolver.cancel();
  deadline.addEventListener("abort", cancel);
  try {
    if (nameServers !== undefined) resolver.setServers(nameServers);
    await resolver.resolve4(host);
    // It is, to name servers; the system asks others, or has been told not to.
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOTFOUND" || code === "ENODATA";
  } finally {
    deadline.removeEventListener("abort", cancel);
  }
}
