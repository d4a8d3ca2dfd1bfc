import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type ScraperOptions = {
  /** What to scrape, e.g. `http://127.0.0.1:9091/metrics`. */
  readonly url: URL;
  /** Names of the metrics that are watched: counters, or other values that must never fall. */
  readonly names: readonly string[];
  /** From the start of one scrape to the start of the next, unless that one takes longer. Default 5. */
  readonly intervalMs?: number;
  /** After which a scrape is given up, for a server that is stopped. Default 1000. */
  readonly timeoutMs?: number;
};

/** A series whose value was lower than when it was seen last, however long ago that was. */
export type Fall = {
  /** Name and labels, as exposed. */
  readonly series: string;
  readonly from: number;
  readonly to: number;
  /** When it was seen, in milliseconds of `performance.now()`. */
  readonly at: number;
};

/** A value that a series did not have in the scrape before. */
export type Sighting = { readonly series: string; readonly value: number; readonly at: number };

export type ScrapeLog = {
  /** Scrapes that came back whole. */
  readonly scrapes: number;
  /** Scrapes that did not. */
  readonly failures: number;
  readonly falls: readonly Fall[];
  /** In order, the first value of each series included. */
  readonly sightings: readonly Sighting[];
  /** By series: the value that was seen last. */
  readonly last: ReadonlyMap<string, number>;
};

export type Scraper = {
  /** What it saw so far. Grows while it goes on. */
  readonly log: ScrapeLog;
  /** Resolves when a scrape that began after this call came back. Rejects when the scraper stops. */
  readonly next: () => Promise<void>;
  /** The server began anew: what it showed before is forgotten, and lower values are no falls. */
  readonly restarted: () => void;
  readonly stop: () => Promise<ScrapeLog>;
};

/** Scrapes one request after the other, as fast as the interval says, until it is stopped. */
export function startScraper({
  url,
  names,
  intervalMs = 5,
  timeoutMs = 1000,
}: ScraperOptions): Scraper {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const samples = new RegExp(`^((?:${names.join("|")})(?:\\{.*\\})?) (\\S+)$`, "gm");
  const falls: Fall[] = [];
  const sightings: Sighting[] = [];
  const last = new Map<string, number>();
  const log = { scrapes: 0, failures: 0, falls, sightings, last };
  const waiting = new Set<{ resolve: () => void; reject: (error: Error) => void }>();
  let life = 0;
  let isStopped = false;

  function read(text: string): void {
    const at = performance.now();
    for (const [, series = "", figure] of text.matchAll(samples)) {
      const value = Number(figure);
      const before = last.get(series);
      if (value === before) continue;
      if (before !== undefined && value < before)
        falls.push({ series, from: before, to: value, at });
      sightings.push({ series, value, at });
      last.set(series, value);
    }
  }

  async function scrape(): Promise<void> {
    const served = [...waiting];
    const begun = life;
    try {
      const text = await fetchText(url, agent, timeoutMs);
      // An answer of the life before.
      if (begun !== life) return;
      read(text);
      log.scrapes++;
    } catch {
      log.failures++;
      return;
    }
    for (const waiter of served) {
      waiting.delete(waiter);
      waiter.resolve();
    }
  }

  async function run(): Promise<void> {
    while (!isStopped) {
      const started = performance.now();
      await scrape();
      await sleep(Math.max(0, intervalMs - (performance.now() - started)));
    }
    agent.destroy();
    for (const { reject } of waiting) reject(new Error("the scraper was stopped"));
  }
  const running = run();

  return {
    log,
    next: () => new Promise((resolve, reject) => waiting.add({ resolve, reject })),
    restarted() {
      life++;
      last.clear();
    },
    async stop() {
      isStopped = true;
      await running;
      return log;
    },
  };
}

/** Rejects for anything but a whole answer with 200, in time. */
function fetchText(url: URL, agent: Agent, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        clearTimeout(timer);
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
        else reject(new Error(`scrape answered ${response.statusCode}`));
      });
    });
    const timer = setTimeout(() => request.destroy(new Error("scrape timed out")), timeoutMs);
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
