import { startMetricsServer } from "closing-bell/scrape";
import { onTick, type Tick } from "./strategy.ts";

/** The same strategy in a process that lives: Prometheus scrapes it at :8001/metrics. */
export async function live(feed: AsyncIterable<Tick>, port = 8001): Promise<void> {
  const server = await startMetricsServer({ port });
  for await (const tick of feed) onTick(tick);
  await server.close();
}
