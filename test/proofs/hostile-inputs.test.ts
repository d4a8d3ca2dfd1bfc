import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ClosingBellError } from "../../src/errors.ts";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { renderFamilies } from "../../src/metrics/exposition/render.ts";
import { type Exposition, expositionOfText } from "../../src/push/body.ts";
import { createPushClient, type PushClient } from "../../src/push/client.ts";
import { readGroups, readScrape } from "../../src/push/groups.ts";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { families, hostileText } from "../metrics/exposition/arbitrary.ts";
import { printTable } from "../support/print-table.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";

const CASES = 10_000;
/** The real gateway is asked less often: each push makes it gather everything. */
const REAL_CASES = 2_000;

const table: string[][] = [];
afterAll(() => {
  printTable("Hostile inputs", ["property", "cases", "taken", "refused before sending"], table);
});

test("what is rendered is parsed back, and makes no line that is not ours", () => {
  fc.assert(
    fc.property(families(), (given) => {
      const text = renderFamilies(given).toString();
      expect(parseExposition(text)).toEqual(given);
      const names = given.flatMap(({ name }) => [
        name,
        `${name}_bucket`,
        `${name}_sum`,
        `${name}_count`,
      ]);
      for (const line of text.split("\n").filter((each) => each !== "")) {
        const name = /^(?:# (?:HELP|TYPE) )?([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line)?.[1];
        expect(names).toContain(name);
      }
    }),
    { numRuns: CASES },
  );
  table.push(["parse(render(x)) = x, no foreign line", `${CASES}`, `${CASES}`, "-"]);
});

describe("the embedded gateway", () => {
  let server: PushgatewayServer;
  let client: PushClient;
  beforeAll(async () => {
    server = await startPushgateway({});
    client = createPushClient({ url: server.url });
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });

  test("files every grouping key that we take under exactly its labels", async () => {
    const counts = await keysLandWhereTheyBelong(client, CASES);
    table.push(["grouping keys, embedded gateway", ...counts]);
  }, 300_000);

  test("takes every body that we take", async () => {
    const counts = await takenBodiesAreTaken(client, CASES);
    table.push(["bodies, embedded gateway", ...counts]);
  }, 300_000);
});

describeWithServer("pushgateway")("the real gateway", () => {
  test("files every grouping key that we take under exactly its labels", async () => {
    const real = await startRealPushgateway();
    const client = createPushClient({ url: real.url });
    const counts = await keysLandWhereTheyBelong(client, REAL_CASES);
    table.push(["grouping keys, real gateway", ...counts]);
    client.close();
    await real.stop();
  }, 300_000);

  test("takes every body that we take", async () => {
    const real = await startRealPushgateway();
    const client = createPushClient({ url: real.url });
    const counts = await takenBodiesAreTaken(client, REAL_CASES);
    table.push(["bodies, real gateway", ...counts]);
    client.close();
    await real.stop();
  }, 300_000);
});

/** Names and values that routers, URL parsers and decoders have stumbled over. */
function labels(): fc.Arbitrary<Record<string, string>> {
  const name = fc.oneof(
    fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/),
    fc.constantFrom("constructor", "instance", "le", "job", "__x", "a@base64", "a/b", "metrics"),
  );
  const value = fc.oneof(
    hostileText(),
    fc.constantFrom(
      "",
      ".",
      "..",
      "a/b",
      "a//b",
      "%2e%2e",
      "+",
      "a b",
      "?q#f",
      "@base64",
      "=",
      "\ud800",
    ),
  );
  return fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
}

/** A few lines that mostly fit together: what people write by hand. */
function plainText(): fc.Arbitrary<string> {
  const name = fc.constantFrom("a", "b", "a_total", "h", "h_sum", "go_goroutines");
  const type = fc.constantFrom("counter", "gauge", "untyped", "histogram", "summary");
  const labels = fc.constantFrom(
    "",
    '{x="1"}',
    '{x=""}',
    '{x="a\\\\b",y="é"}',
    '{le="1"}',
    '{strategy="s"}',
  );
  const value = fc.constantFrom("1", "0", "-1", "1e3", "NaN", "+Inf", "0.5", "1 1000");
  const line = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, labels, value).map(([n, l, v]) => `${n}${l} ${v}\n`) },
    { weight: 1, arbitrary: fc.tuple(name, type).map(([n, t]) => `# TYPE ${n} ${t}\n`) },
  );
  return fc.array(line, { maxLength: 5 }).map((lines) => lines.join(""));
}

/** Text exposition that is nearly right: rendered, then bitten. */
function bittenText(): fc.Arbitrary<string> {
  const bite = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), put: hostileText() });
  return fc.tuple(families(), fc.array(bite, { maxLength: 2 })).map(([given, bites]) =>
    bites.reduce((text, { at, put }) => {
      const index = Math.floor(at * text.length);
      return text.slice(0, index) + put + text.slice(index + (put.length % 3));
    }, renderFamilies(given).toString()),
  );
}

async function keysLandWhereTheyBelong(client: PushClient, cases: number): Promise<string[]> {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(hostileText(), labels(), async (job, given) => {
      const key = takenOr<GroupingKey>(() => groupingKey(job, given));
      if (key === undefined) {
        refused++;
        return;
      }
      const body = takenOr(() => expositionOfText(key, "a 1\n"));
      if (body === undefined) throw new Error("a body without labels is refused by no group");
      await client.push(key, body);
      const groups = await readGroups(client);
      expect(groups.map((group) => group.labels)).toEqual([{ job, ...given }]);
      await client.delete(key);
    }),
    { numRuns: cases },
  );
  return [`${cases}`, `${cases - refused}`, `${refused}`];
}

async function takenBodiesAreTaken(client: PushClient, cases: number): Promise<string[]> {
  const key = groupingKey("nightly", { strategy: "s" });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(bittenText(), plainText()), async (text) => {
      const body = takenOr<Exposition>(() => expositionOfText(key, text));
      if (body === undefined) {
        refused++;
        return;
      }
      await client.push(key, body);
      // The whole scrape, the new group in it, must still be one.
      parseExposition(await readScrape(client));
    }),
    { numRuns: cases },
  );
  return [`${cases}`, `${cases - refused}`, `${refused}`];
}

/** What we make of an input, or undefined when we refuse it, which is only ever done on purpose. */
function takenOr<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ClosingBellError) return undefined;
    throw error;
  }
}
