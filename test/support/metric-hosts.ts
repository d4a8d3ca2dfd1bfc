import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as promClient from "prom-client";

/** A client library in whose registries our instruments live, unmodified. */
export type MetricHost = { readonly name: string; readonly client: typeof promClient };

const SUCCESSOR = fileURLToPath(
  new URL(
    "../../.cache/successor/node_modules/@prometheus-io/client/package.json",
    import.meta.url,
  ),
);

/**
 * prom-client, and where Node can run it (22 and later) its successor, which `npm run test:node24`
 * puts under `.cache/`: it is never a dependency.
 */
export function metricHosts(): readonly MetricHost[] {
  const host = { name: "prom-client 15.1.3", client: promClient };
  if (Number(process.versions.node.split(".")[0]) < 22) return [host];
  if (!existsSync(SUCCESSOR)) {
    if (process.env["REQUIRE_SUCCESSOR"]) throw new Error(`${SUCCESSOR} is missing`);
    return [host];
  }
  const client = createRequire(SUCCESSOR)("@prometheus-io/client") as typeof promClient;
  return [host, { name: "@prometheus-io/client 0.16.1", client }];
}
