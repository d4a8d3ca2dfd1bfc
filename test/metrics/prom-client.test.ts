import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as theirs from "prom-client";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { Counter } from "../../src/metrics/instruments/counter.ts";
import { Gauge } from "../../src/metrics/instruments/gauge.ts";
import { Histogram } from "../../src/metrics/instruments/histogram.ts";
import { registryFamilies, renderRegistry } from "../../src/metrics/prom-client.ts";
import { metricHosts } from "../support/metric-hosts.ts";

const ours = { Counter, Gauge, Histogram } as unknown as Classes;

type Classes = Pick<typeof theirs, "Counter" | "Gauge" | "Histogram">;

/** One write to one of three instruments, as a value. */
type Write = {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labelled: boolean;
  readonly child: boolean;
  readonly a: string;
  readonly b: string;
  readonly value: number;
};

describe.each(metricHosts())("in an unmodified registry of $name", ({ client: theirs }) => {
  const { played, withDefaultLabels, openMetrics } = registriesOf(theirs);

  test("whatever is written, text and JSON are prom-client's, byte for byte", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(writes(), { maxLength: 30 }), async (given) => {
        const [mine, host] = [played(ours, given), played(theirs, given)];
        const text = await host.metrics();
        expect(await mine.metrics()).toBe(text);
        expect((await renderRegistry(mine)).toString()).toBe(text);
        expect((await renderRegistry(host)).toString()).toBe(text);
        expect(plain(await mine.getMetricsAsJSON())).toEqual(plain(await host.getMetricsAsJSON()));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    { name: "default labels", registry: withDefaultLabels },
    { name: "OpenMetrics", registry: openMetrics },
  ])("a registry with $name is written as it writes itself", async ({ registry }) => {
    const [mine, host] = [registry(), registry()];
    play(ours, mine, EXAMPLE);
    play(theirs, host, EXAMPLE);
    const text = await host.metrics();
    expect(await mine.metrics()).toBe(text);
    expect((await renderRegistry(mine)).toString()).toBe(text);
  });

  test("a registry with nothing in it is written as it writes itself", async () => {
    const registry = new theirs.Registry();
    expect((await renderRegistry(registry)).toString()).toBe(await registry.metrics());
  });

  test("a registry that can only be asked for all of its text is", async () => {
    const metrics = {
      metrics: () => "a 1\n",
      getMetricsAsArray: () => [],
      getMetricsAsJSON: () => [],
    };
    expect((await renderRegistry(metrics)).toString()).toBe("a 1\n");
  });

  test("collect is called before a read, and what it throws is the reader's to see", async () => {
    const registry = new theirs.Registry();
    let reads = 0;
    const gauge = new Gauge({
      name: "reads",
      help: "Reads.",
      registers: [registry],
      collect: () => gauge.set(++reads),
    });
    expect(await registry.metrics()).toContain("reads 1\n");
    expect((await renderRegistry(registry)).toString()).toContain("reads 2\n");
    new Counter({
      name: "broken_total",
      help: "Broken.",
      registers: [registry],
      collect: () => {
        throw new Error("sensor is gone");
      },
    });
    await expect(registry.metrics()).rejects.toThrow("sensor is gone");
    await expect(renderRegistry(registry)).rejects.toThrow("sensor is gone");
  });

  test("resetMetrics zeroes what has no labels and forgets the rest, histograms included", async () => {
    const [mine, host] = [played(ours, EXAMPLE), played(theirs, EXAMPLE)];
    mine.resetMetrics();
    const text = await mine.metrics();
    expect(text).toContain("\nc0_total 0\n");
    // Theirs loses it: the label-less histogram vanishes from warm runs.
    expect(text).toContain("\nh0_count 0\n");
    host.resetMetrics();
    expect(await host.metrics()).not.toContain("h0_count");
    expect(text).not.toContain('a="');
  });

  test("two of one name are refused in the registry's own words", () => {
    const registers = [new theirs.Registry()];
    new Counter({ name: "x_total", help: "X.", registers });
    expect(() => new Counter({ name: "x_total", help: "X.", registers })).toThrow(
      "A metric with the name x_total has already been registered.",
    );
  });

  test("a label set that is removed is gone from the text", async () => {
    const registry = new theirs.Registry();
    const counter = new Counter({
      name: "x_total",
      help: "X.",
      labelNames: ["a", "b"],
      registers: [registry],
    });
    counter.inc({ a: "1", b: "2" });
    counter.inc({ a: "1", b: "3" });
    counter.remove({ a: "1", b: "2" });
    counter.remove("1", "no such");
    expect(await registry.metrics()).toContain('x_total{a="1",b="3"} 1\n');
    expect(await registry.metrics()).not.toContain('b="2"');
    counter.inc({ a: "1", b: "2" });
    expect(await registry.metrics()).toContain('x_total{a="1",b="2"} 1\n');
  });
});

describe("configuration is refused in prom-client's words", () => {
  test.each([
    { name: "no name", config: { help: "x" } },
    { name: "no help", config: { name: "x" } },
    { name: "a name that is none", config: { name: "a b", help: "x" } },
    { name: "a label that is none", config: { name: "a", help: "x", labelNames: ["a-b"] } },
    { name: "a collect that is no function", config: { name: "a", help: "x", collect: 1 } },
  ])("$name", ({ config }) => {
    const registers = [new theirs.Registry()];
    const said = thrown(() => new theirs.Counter({ registers, ...config } as never));
    expect(said).not.toBe("nothing");
    expect(thrown(() => new Counter({ registers, ...config } as never))).toBe(said);
  });

  test("le as a histogram's label", () => {
    expect(thrown(() => new Histogram({ name: "h", help: "H.", labelNames: ["le"] }))).toBe(
      thrown(
        () => new theirs.Histogram({ name: "h", help: "H.", labelNames: ["le"], registers: [] }),
      ),
    );
  });

  test("exemplars, which a gateway refuses", () => {
    const config = { name: "c_total", help: "C.", enableExemplars: true };
    expect(() => new Counter(config)).toThrow("exemplars cannot be pushed");
  });
});

describe("a registry as plain families", () => {
  test("is what its text says", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(writes(), { maxLength: 20 }), async (given) => {
        const registry = registriesOf(theirs).played(theirs, given);
        const parsed = parseExposition(await registry.metrics());
        const families = await registryFamilies(registry);
        expect(families.map(({ name }) => name)).toEqual(parsed.map(({ name }) => name));
        expect(families.map(comparable)).toEqual(parsed.map(comparable));
      }),
      { numRuns: 200 },
    );
  });

  test("leaves the process's own metrics out", async () => {
    const registry = new theirs.Registry();
    theirs.collectDefaultMetrics({ register: registry });
    new theirs.Gauge({ name: "rows", help: "Rows.", registers: [registry] }).set(7);
    const families = await registryFamilies(registry);
    expect(families.map(({ name }) => name)).toEqual(["rows"]);
    registry.clear();
  });

  test("knows summaries", async () => {
    const registry = new theirs.Registry();
    const summary = new theirs.Summary({
      name: "s",
      help: "S.",
      percentiles: [0.5],
      registers: [registry],
    });
    for (const value of [1, 2, 3]) summary.observe(value);
    expect(await registryFamilies(registry)).toMatchObject([
      {
        type: "summary",
        name: "s",
        samples: [{ quantiles: [{ quantile: 0.5, value: 2 }], count: 3, sum: 6 }],
      },
    ]);
  });
});

const EXAMPLE: readonly Write[] = (["counter", "gauge", "histogram"] as const).flatMap((kind) =>
  [true, false].map((labelled) => ({ kind, labelled, child: false, a: "x", b: "y", value: 2 })),
);

function writes(): fc.Arbitrary<Write> {
  const text = fc.constantFrom("x", "y", 'q"', "back\\slash", "line\nend", "é");
  return fc.record({
    kind: fc.constantFrom("counter" as const, "gauge" as const, "histogram" as const),
    labelled: fc.boolean(),
    child: fc.boolean(),
    a: text,
    b: text,
    value: fc.oneof(fc.nat({ max: 20 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
  });
}

function play(
  classes: Classes,
  registry: { registerMetric(metric: never): void },
  given: readonly Write[],
): void {
  const registers = [registry as never];
  const labelNames = ["a", "b"];
  const buckets = () => [1, 2.5, 10];
  const counters = [
    new classes.Counter({ name: "c_total", help: 'Lines\nand "quotes" \\', labelNames, registers }),
    new classes.Counter({ name: "c0_total", help: "C.", registers }),
  ];
  const gauges = [
    new classes.Gauge({ name: "g", help: "G.", labelNames, registers }),
    new classes.Gauge({ name: "g0", help: "G.", registers }),
  ];
  const histograms = [
    new classes.Histogram({ name: "h", help: "H.", labelNames, buckets: buckets(), registers }),
    new classes.Histogram({ name: "h0", help: "H.", buckets: buckets(), registers }),
  ];
  for (const { kind, labelled, child, a, b, value } of given) {
    const at = labelled ? 0 : 1;
    const metric = { counter: counters, gauge: gauges, histogram: histograms }[kind][
      at
    ] as never as {
      labels(...values: string[]): Record<string, (value: number) => void>;
    } & Record<string, (...args: unknown[]) => void>;
    const method = { counter: "inc", gauge: "set", histogram: "observe" }[kind];
    if (!labelled) metric[method]?.(value);
    else if (child) metric.labels(a, b)[method]?.(value);
    else metric[method]?.({ a, b }, value);
  }
}

function registriesOf(host: typeof theirs) {
  return {
    played(classes: Classes, given: readonly Write[]) {
      const registry = new host.Registry();
      play(classes, registry, given);
      return registry;
    },
    withDefaultLabels() {
      const registry = new host.Registry();
      registry.setDefaultLabels({ app: "bell" });
      return registry;
    },
    openMetrics() {
      const contentType = host.Registry.OPENMETRICS_CONTENT_TYPE;
      const registry = new host.Registry<typeof contentType>();
      registry.setContentType(contentType);
      return registry as never as theirs.Registry;
    },
  };
}

function plain(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json));
}

function thrown(act: () => unknown): string {
  try {
    act();
    return "nothing";
  } catch (error) {
    return `${error}`;
  }
}

/** Samples in any order, labels without their prototype, `+Inf` left to the count. */
function comparable(family: Awaited<ReturnType<typeof registryFamilies>>[number]): unknown {
  const samples = family.samples.map((sample) => {
    const kept =
      "buckets" in sample
        ? { ...sample, buckets: sample.buckets.filter(({ upperBound }) => upperBound !== Infinity) }
        : sample;
    return JSON.stringify({ ...kept, labels: Object.entries(sample.labels).sort() });
  });
  return { ...family, samples: samples.sort() };
}
