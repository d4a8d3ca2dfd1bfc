import { escapeHelp } from "./exposition/escape.ts";
import { formatValue } from "./exposition/render.ts";
import type { Entry } from "./instruments/children.ts";
import { Histogram, type HistogramChild } from "./instruments/histogram.ts";
import type { Instrument, Series } from "./instruments/instrument.ts";

/** Writes one instrument: head, then a line per value. */
export function writeInstrument(instrument: Instrument<Series>, sink: Sink): void {
  const { name, help, type } = instrument;
  sink.add(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`);
  if (instrument instanceof Histogram) {
    const bounds = [...instrument.bounds.map(String), "+Inf"];
    for (const entry of instrument.written()) writeHistogram(name, bounds, entry, sink);
  } else {
    for (const entry of instrument.written() as Entry<Series & { value: number }>[]) {
      entry.prefixes ??= [flat(name, entry.text)];
      sink.add(`${entry.prefixes[0]}${text(entry.child.value)}\n`);
    }
  }
}

/** Collects text into one Buffer. */
export type Sink = {
  add(text: string): void;
  finish(): Buffer;
};

/** Characters that are gathered before they are encoded: short-lived strings die young and cheaply. */
const CHUNK = 16 * 1024;

let usualBytes = 64 * 1024;

export function createSink(): Sink {
  let buffer = Buffer.allocUnsafeSlow(usualBytes);
  let used = 0;
  let pending = "";

  function flush(): void {
    const most = used + pending.length * 3;
    if (most > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(most, buffer.length * 2));
      buffer.copy(larger, 0, 0, used);
      buffer = larger;
    }
    used += buffer.write(pending, used, "utf8");
    pending = "";
  }

  return {
    add(more) {
      pending += more;
      if (pending.length > CHUNK) flush();
    },
    finish() {
      flush();
      // The next exposition is likely as large: it then needs one Buffer and no copy.
      usualBytes = used + (used >> 2) + CHUNK;
      return buffer.subarray(0, used);
    },
  };
}

function writeHistogram(
  name: string,
  bounds: readonly string[],
  entry: Entry<HistogramChild>,
  sink: Sink,
): void {
  const { child } = entry;
  entry.prefixes ??= histogramPrefixes(name, bounds, entry.text);
  const { prefixes } = entry;
  const { counts } = child;
  let count = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    count += counts[bucket] as number;
    sink.add(`${prefixes[bucket]}${count}\n`);
  }
  const next = counts.length;
  sink.add(`${prefixes[next]}${text(child.sum)}\n${prefixes[next + 1]}${count}\n`);
}

function histogramPrefixes(
  name: string,
  bounds: readonly string[],
  labels: string,
): readonly string[] {
  const rest = labels === "" ? "" : `,${labels}`;
  return [
    ...bounds.map((bound) => flat(`${name}_bucket`, `le="${bound}"${rest}`)),
    flat(`${name}_sum`, labels),
    flat(`${name}_count`, labels),
  ];
}

/** One flat string: a string made with `+` is walked piece by piece each time it is written. */
function flat(name: string, labels: string): string {
  return (labels === "" ? [name, " "] : [name, "{", labels, "} "]).join("");
}

/** The usual value first: finite numbers print as they are. */
function text(value: number): string {
  return value - value === 0 ? `${value}` : formatValue(value);
}
