import { expect, test } from "@jest/globals";
import { differential } from "../pushgateway/differential.ts";
import { foundBinary, REAL } from "../pushgateway/gateways.ts";

const SEED = 20_260_101;
const STEPS = 2_000;

(REAL === undefined ? test.skip : test)(
  "the embedded gateway does what the real one does, in named cases and on a random walk (needs a real Pushgateway)",
  async () => {
    const result = await differential({ binary: foundBinary(), seed: SEED, steps: STEPS });
    expect(result.differences).toEqual([]);
    expect(result.requests).toBeGreaterThan(STEPS);
  },
  120_000,
);
