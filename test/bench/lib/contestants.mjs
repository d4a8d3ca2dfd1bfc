import { pathToFileURL } from "node:url";

export const PRODUCT = "closing-bell";

/** The hand-written limit of a row: its memory traffic with no library around it. */
export const FLOOR = "floor";

const PEERS = [
  { name: "prom-client" },
  { name: "@prometheus-io/client", nodeMajor: 22 },
  { name: "@platformatic/prom-client" },
];

export const nodeMajor = Number.parseInt(process.versions.node, 10);

/** In the order in which a round visits them: the floor is measured right after the product. */
export const contestants = [
  PRODUCT,
  FLOOR,
  ...PEERS.filter((peer) => runsHere(peer)).map((peer) => peer.name),
];

/** Peers that the running Node is too old for. */
export const absentPeers = PEERS.filter((peer) => !runsHere(peer)).map((peer) => peer.name);

export function isPeer(contestant) {
  return contestant !== PRODUCT && contestant !== FLOOR;
}

/**
 * The instruments of a contestant, the registry they live in (for the product: prom-client's,
 * unmodified) and the way from that registry to bytes ready for the socket.
 */
export async function loadLibrary(contestant, productFile) {
  if (isPeer(contestant)) {
    const { default: peer } = await import(contestant);
    const registry = new peer.Registry();
    return { ...peer, registry, render: async () => Buffer.from(await registry.metrics()) };
  }

  const product = await import(pathToFileURL(productFile).href);
  for (const name of ["Counter", "Gauge", "Histogram", "renderRegistry"]) {
    if (typeof product[name] !== "function") throw new Error(`${productFile} exports no ${name}`);
  }
  const { Registry } = await import("prom-client");
  const registry = new Registry();
  return { ...product, registry, render: () => product.renderRegistry(registry) };
}

function runsHere({ nodeMajor: needed = 0 }) {
  return nodeMajor >= needed;
}
