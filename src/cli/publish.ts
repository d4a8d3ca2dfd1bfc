import { constants } from "node:os";
import { systemClock } from "../clock.ts";
import { ConfigError } from "../errors.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import type { GroupPublication, Held } from "../publish/publish-group.ts";
import { settle } from "../publish/settle.ts";
import { EXIT, type Io } from "./io.ts";
import { type GatewayFlags, ledgerOf, publisherOf } from "./target.ts";

export type PublishFlags = GatewayFlags & { readonly settle?: boolean };

/**
 * Publishes what waits and heals what is missing at the gateway. 1 when a group could not be, or the
 * gateway could not be read.
 */
export async function publish(flags: PublishFlags, io: Io): Promise<number> {
  const { config, ledger } = await ledgerOf(flags, io);
  const publisher = await publisherOf(config, ledger);
  const interruption = watchInterruption();
  const { signal } = interruption;
  const pass = () => publisher.publishAll({ signal });
  const publishing = flags.settle ? settle(pass, { clock: systemClock, signal }) : pass();
  const publications = await publishing
    .catch((error): readonly GroupPublication[] => {
      if (signal.aborted) return [];
      throw error;
    })
    .finally(interruption.end);
  const endedBy = interruption.by();
  const failed = publications.filter(isTrouble);
  if (flags.json) io.out(`${JSON.stringify(publications.map(plainPublication))}\n`);
  else {
    for (const publication of flags.quiet ? failed : publications) {
      const line = `${formatGroupingKey(publication.groupingKey)}  ${describePublication(publication)}`;
      io.err(`closing-bell: ${line}\n`);
    }
    if (!flags.quiet && publications.length === 0 && endedBy === undefined) {
      io.err(`closing-bell: nothing was ever recorded in ${ledger.place}\n`);
    }
  }
  if (endedBy !== undefined) return exitCodeOf(endedBy);
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

type EndingSignal = (typeof ENDING)[number];

const ENDING = ["SIGINT", "SIGTERM"] as const;

/** Ctrl-C and SIGTERM as an abort signal, until its end; what was done by then stands. */
export type Interruption = {
  readonly signal: AbortSignal;
  readonly by: () => EndingSignal | undefined;
  readonly end: () => void;
};

export function watchInterruption(): Interruption {
  const interrupted = new AbortController();
  let by: EndingSignal | undefined;
  function stop(signal: NodeJS.Signals): void {
    by = ENDING.find((each) => each === signal);
    interrupted.abort(new Error(`interrupted by ${signal}`));
  }
  for (const signal of ENDING) process.on(signal, stop);
  return {
    signal: interrupted.signal,
    by: () => by,
    end() {
      for (const signal of ENDING) process.off(signal, stop);
    },
  };
}

/** As a shell would see it. */
export function exitCodeOf(signal: EndingSignal): number {
  return 128 + constants.signals[signal];
}

/** The same as JSON: an error is its message and code. */
export function plainPublication(publication: GroupPublication): object {
  if (publication.status !== "refused" && publication.status !== "failed") return publication;
  const { error, ...facts } = publication;
  const code = "code" in error ? { code: error.code } : {};
  return { ...facts, ...code, error: error.message };
}

/** An error's message, however many problems a configuration has. */
export function inOneLine(error: Error): string {
  return error instanceof ConfigError ? error.problems.join("; ") : error.message;
}

/** What came of publishing, for a person. */
export function describePublication(publication: GroupPublication): string {
  switch (publication.status) {
    case "published": {
      const { version, series, gateway, held, unchecked } = publication;
      const doubt = unchecked ? " (unchecked: the gateway's consistency check is off)" : "";
      return `published ${series} series, version ${version}, to ${gateway}${doubt}${describeHeld(held)}`;
    }
    case "current":
      return `${publication.gateway} is up to date, version ${publication.version}${describeHeld(publication.held)}`;
    case "removed":
      return "was removed on purpose; it begins at 0 when its job runs again";
    case "busy":
      return `left to ${publication.holder}, which publishes the group now`;
    case "refused":
      return `refused: ${inOneLine(publication.error)}`;
    case "failed":
      return `not published: ${inOneLine(publication.error)}`;
    default:
      return publication satisfies never;
  }
}

/** New series that are shown as 0 for now. */
export function describeHeld(held: Held | undefined): string {
  if (held === undefined) return "";
  const { series, until } = held;
  const shows = `${counted(series, "new series", "new series")} ${series === 1 ? "shows" : "show"} 0 for now`;
  return until > systemClock.now()
    ? `; ${shows}, and the value with the next publish after ${timeText(Math.ceil(until))}`
    : `; ${shows}, and the value with the next publish: closing-bell publish`;
}

/** `1 group`, `2 groups`. */
export function counted(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Unix seconds as a person reads them. */
export function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function isTrouble({ status }: GroupPublication): boolean {
  return status === "refused" || status === "failed";
}
