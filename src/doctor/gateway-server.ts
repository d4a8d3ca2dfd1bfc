import { connect } from "node:net";
import type { GatewaySettings } from "../config/gateway-settings.ts";
import type { Lookup } from "../push/exchange.ts";
import type { Finding } from "./check.ts";
import {
  ageText,
  type DoctorContext,
  failed,
  millisecondsText,
  ok,
  stepSignal,
  warning,
} from "./context.ts";
import type { FoundHost } from "./name-lookup.ts";
import { type DoctorRequest, type Exchanged, request } from "./request.ts";
import { type Handshake, shakeHands } from "./tls.ts";

/** A gateway that is configured. */
export type NamedGateway = GatewaySettings & {
  readonly url: URL;
  /** What the configuration calls it, safe to print. */
  readonly baseUrl: string;
};

/** The server that accepted a connection. */
export type Server = NamedGateway &
  FoundHost & {
    readonly address: string;
    readonly port: number;
    /** It was asked something already, and did not answer. */
    readonly isSilent?: boolean;
  };

/** What a gateway answers with 200 as long as it takes pushes. */
export const READY = "/-/ready";

/** A certificate that ends sooner is worth a word. Seconds. */
const EXPIRES_SOON = 14 * 86_400;

/** Whichever of its addresses accepts first. */
export async function openConnection(
  context: DoctorContext,
  named: NamedGateway,
  { host, addresses }: FoundHost,
): Promise<Finding<Server>> {
  const { url } = named;
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const step = stepSignal(context);
  const done = new AbortController();
  const signal = AbortSignal.any([step, done.signal]);
  const tried = addresses.map((address) => tryAddress(address, port, signal));
  try {
    const address = await Promise.any(tried);
    return ok(`${placeText(address, port)} accepts connections`, {
      ...named,
      host,
      addresses,
      address,
      port,
    });
  } catch (error) {
    const places = addresses.map((address) => placeText(address, port)).join(", ");
    if (step.aborted) {
      return failed(
        `${places}: no answer within ${millisecondsText(context.stepMs)}: the host is down, or a firewall drops what is sent to it`,
      );
    }
    const codes = (error as AggregateError).errors.map((each) => each.code ?? each.message);
    const reasons = [...new Set(codes)].join(", ");
    return codes.includes("ECONNREFUSED")
      ? failed(
          `nothing listens on ${places} (${reasons}): is the gateway running there, and is it this port?`,
        )
      : failed(
          `${places} cannot be reached (${reasons}): check the address, the network and its firewalls`,
        );
  } finally {
    done.abort();
  }
}

function tryAddress(address: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal });
    socket.on("connect", () => {
      socket.destroy();
      resolve(address);
    });
    socket.on("error", reject);
  });
}

function placeText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether it speaks what the URL says, and shows a certificate to trust. */
export function checkProtocol(context: DoctorContext, server: Server): Promise<Finding<Server>> {
  return server.url.protocol === "https:"
    ? checkCertificate(context, server)
    : checkPlain(context, server);
}

/** The handshake of an https URL. */
async function checkCertificate(context: DoctorContext, server: Server): Promise<Finding<Server>> {
  const handshake = await handshakeWith(context, server);
  if (handshake.status === "done") {
    const { protocol, problem, validUntil } = handshake;
    if (problem !== undefined) return failed(problem);
    const left = validUntil - context.clock.now();
    const ends = `the certificate of ${server.host} ends in ${ageText(left)}`;
    return left < EXPIRES_SOON
      ? warning(`${ends}: renew it`, server)
      : ok(`${protocol}; ${ends}`, server);
  }
  const instead = urlOf(server, "http:");
  const plain = await ask(context, server, instead, { share: 0.5 });
  if ("answer" in plain.result) {
    return failed(
      `${placeText(server.address, server.port)} speaks plain HTTP and no TLS: use ${instead}, or the port that speaks TLS`,
    );
  }
  const why =
    handshake.status === "late"
      ? `no answer within ${millisecondsText(context.stepMs / 2)}`
      : `${handshake.error.message} (${handshake.error.code})`;
  return failed(
    `the TLS handshake with ${placeText(server.address, server.port)} failed: ${why}; it does not speak HTTP either`,
  );
}

/** An http URL: whether what listens there speaks TLS instead. */
async function checkPlain(context: DoctorContext, server: Server): Promise<Finding<Server>> {
  // Without credentials: nobody knows yet who listens.
  const { result, isLate } = await ask(context, server, server.baseUrl);
  if (isLate) {
    return { status: "skipped", message: "no answer", value: { ...server, isSilent: true } };
  }
  if ("failure" in result || result.answer.status === 400) {
    const handshake = await handshakeWith(context, server);
    if (handshake.status === "done") {
      return failed(
        `${placeText(server.address, server.port)} speaks TLS and no plain HTTP: use ${urlOf(server, "https:")}`,
      );
    }
  }
  const isLocal = server.addresses.every((address) => /^(?:127\.|::1$)/.test(address));
  return server.credentials !== undefined && !isLocal
    ? warning("plain HTTP: the credentials are sent unencrypted with every push; use https", server)
    : ok("plain HTTP, as the URL says", server);
}

function handshakeWith(
  context: DoctorContext,
  { address, port, host, caFile }: Server,
): Promise<Handshake> {
  return shakeHands({
    address,
    port,
    host,
    ...(caFile === undefined ? {} : { ca: caFile.value.pem }),
    signal: stepSignal(context, 0.5),
  });
}

/** The same server, asked on another way. Its port is said even where it is the other one's default. */
function urlOf({ url, port }: Server, scheme: "http:" | "https:"): string {
  return new URL(`${scheme}//${url.hostname}:${port}${url.pathname}`).href.replace(/\/$/, "");
}

/** Asks whether it is ready, at a URL that may not be the configured one. */
export function ask(
  context: DoctorContext,
  { caFile, addresses }: Server,
  baseUrl: string,
  options: Pick<DoctorRequest, "credentials" | "share"> = {},
): Promise<Exchanged> {
  return request(context, {
    ...options,
    url: `${baseUrl}${READY}`,
    ca: caFile?.value.pem,
    lookup: knownAddresses(addresses),
  });
}

/** What was looked up is not looked up again. */
export function knownAddresses(addresses: readonly string[]): Lookup {
  return async () =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}
