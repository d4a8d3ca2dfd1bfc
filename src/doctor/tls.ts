import { isIP } from "node:net";
import { checkServerIdentity, connect, type DetailedPeerCertificate } from "node:tls";

/** Where to shake hands, and with whom. */
export type TlsTarget = {
  readonly address: string;
  readonly port: number;
  /** As the URL has it: a name, or an address. */
  readonly host: string;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
  readonly signal: AbortSignal;
};

export type Handshake =
  /** It speaks TLS; `problem` is why its certificate is not to be trusted. */
  | {
      readonly status: "done";
      readonly protocol: string;
      /** Unix seconds at which the certificate ends. */
      readonly validUntil: number;
      readonly problem?: string;
    }
  | { readonly status: "failed"; readonly error: NodeJS.ErrnoException }
  /** The signal aborted. */
  | { readonly status: "late" };

/** Shakes hands with whoever listens, sends nothing, and looks at the certificate. */
export function shakeHands({ address, port, host, ca, signal }: TlsTarget): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      // Looked at below, and nothing is sent.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
    function settle(handshake: Handshake): void {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(handshake);
    }
    function onAbort(): void {
      settle({ status: "late" });
    }
    signal.addEventListener("abort", onAbort);
    socket.on("error", (error) => settle({ status: "failed", error }));
    socket.on("close", () => {
      const message = "the connection was closed during the TLS handshake";
      settle({
        status: "failed",
        error: Object.assign(new Error(message), { code: "ECONNRESET" }),
      });
    });
    socket.on("secureConnect", () => {
      const certificate = socket.getPeerCertificate(true);
      // Typed as an error; it is its code.
      const code = socket.authorized ? undefined : `${socket.authorizationError}`;
      const problem = certificateProblem(certificate, host, code, ca !== undefined);
      settle({
        status: "done",
        protocol: socket.getProtocol() ?? "TLS",
        validUntil: Date.parse(certificate.valid_to) / 1000,
        ...(problem === undefined ? {} : { problem }),
      });
    });
    if (signal.aborted) onAbort();
  });
}

const WRONG_HOST = "ERR_TLS_CERT_ALTNAME_INVALID";

/** What is wrong with a certificate, and what to do; undefined when nothing is. */
function certificateProblem(
  certificate: DetailedPeerCertificate,
  host: string,
  code: string | undefined,
  hasOwnAuthorities: boolean,
): string | undefined {
  if (code === undefined) return undefined;
  const named = `the certificate of ${host}`;
  if (code === WRONG_HOST) return wrongHost(certificate, host);
  // Node looks at the name only when all else is well.
  const alsoWrongHost = checkServerIdentity(host, certificate) !== undefined;
  const also = alsoWrongHost ? `. Besides, ${wrongHost(certificate, host)}` : "";
  if (code === "CERT_HAS_EXPIRED") {
    const expired = firstToEnd(chainOf(certificate)) ?? certificate;
    const whose = expired === certificate ? "" : `'s issuer ${nameOf(expired)}`;
    return `${named}${whose} expired on ${dateText(expired.valid_to)}: renew it at the gateway, or at the proxy in front of it${also}`;
  }
  if (code === "CERT_NOT_YET_VALID") {
    return `${named} is valid from ${dateText(certificate.valid_from)} on: is this host's clock right?${also}`;
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    const issuer = JSON.stringify(certificate.issuer?.CN ?? certificate.issuer?.O ?? "");
    const advice = hasOwnAuthorities
      ? "gateway.caFile does not hold it (a gateway's certificates must come with their intermediate ones)"
      : "give its certificate, in PEM, as gateway.caFile in closing-bell.json";
    return `${named} is signed by ${issuer}, which nobody here knows (${code}): ${advice}${also}`;
  }
  return `${named} is not to be trusted (${code})${also}`;
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
]);

function wrongHost(certificate: DetailedPeerCertificate, host: string): string {
  const names = certificate.subjectaltname ?? nameOf(certificate);
  return `the certificate is not for ${host} but for ${names}: use one of these names in the gateway URL, or renew the certificate with this one`;
}

/** From the certificate itself to its root. */
function chainOf(certificate: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
  const chain = [certificate];
  for (;;) {
    const issuer = chain.at(-1)?.issuerCertificate;
    // A root is its own issuer.
    if (issuer === undefined || chain.includes(issuer)) return chain;
    chain.push(issuer);
  }
}

function firstToEnd(
  chain: readonly DetailedPeerCertificate[],
): DetailedPeerCertificate | undefined {
  const end = ({ valid_to }: DetailedPeerCertificate) => Date.parse(valid_to);
  return chain.toSorted((a, b) => end(a) - end(b))[0];
}

function nameOf({ subject }: DetailedPeerCertificate): string {
  return JSON.stringify(subject?.CN ?? subject?.O ?? "");
}

function dateText(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : `${new Date(time).toISOString().slice(0, 19)}Z`;
}
