import { afterAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidInputError } from "../../src/errors.ts";
import { type ReadOptions, readResults } from "../../src/results/read-results.ts";
import { fixtureBytes, freqtradeZip, resultFolder } from "./result-files.ts";

const folder = resultFolder();
afterAll(folder.remove);

const files: readonly { name: string; bytes: Buffer; options?: ReadOptions }[] = [
  { name: "freqtrade-new.json", bytes: fixtureBytes("freqtrade-new.json") },
  {
    name: "freqtrade-old.json",
    bytes: fixtureBytes("freqtrade-old.json"),
    options: { strategy: "SampleA" },
  },
  { name: "result.zip", bytes: freqtradeZip(fixtureBytes("freqtrade-new.json")) },
  ...[
    "lean-full.json",
    "lean-summary.json",
    "lean-pascal.json",
    "backtesting.json",
    "backtesting.csv",
    "vectorbt.json",
    "vectorbt.csv",
  ].map((name) => ({ name, bytes: fixtureBytes(name) })),
];

test.each(files)(
  "$name, cut anywhere, is refused or says nothing else than the whole",
  async (file) => {
    const { name, bytes, options } = file;
    const path = folder.write(name, bytes);
    const whole = await readResults(path, options);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), async (length) => {
        folder.write(name, bytes.subarray(0, length));
        try {
          const { results } = await readResults(path, options);
          expect(whole.results).toMatchObject(results);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError);
          refused++;
        }
      }),
      { numRuns: 40 },
    );
    expect(refused).toBeGreaterThan(36 * (name.endsWith(".csv") ? 0.6 : 1));
  },
);

test.each(files)("$name, with a byte changed, is refused in one line or taken", async (file) => {
  const { name, bytes, options } = file;
  const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }));
  await fc.assert(
    fc.asyncProperty(change, async ([at, byte]) => {
      const changed = Buffer.from(bytes);
      changed[at] = byte;
      const path = folder.write(`changed-${name}`, changed);
      const error = await readResults(path, options).then(
        () => undefined,
        (reason) => reason,
      );
      if (error === undefined) return;
      // A changed name of a section can make it another format's.
      expect(error.code).toMatch(/^ERR_(?:INPUT|OPTION)$/);
      expect(error.message).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: 25 },
  );
});
