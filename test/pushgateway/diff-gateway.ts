import { parseArgs } from "node:util";
import { differential } from "./differential.ts";
import { findRealGateway } from "./real-gateway.ts";

/** `npm run diff:gateway -- --seed 7 --steps 5000`: the differential against the real gateway. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      steps: { type: "string", default: "2000" },
    },
  });
  const binary = findRealGateway();
  if (binary === undefined) {
    throw new Error("no real Pushgateway found: npm run servers, or set PUSHGATEWAY_BINARY");
  }
  const seed = Number(values.seed);
  const { requests, differences, refused } = await differential({
    binary,
    seed,
    steps: Number(values.steps),
  });
  for (const difference of differences) write(difference);
  for (const [id, count] of Object.entries(refused)) write(`refused ${count} times: ${id}`);
  const refusals = Object.values(refused).reduce<number>((sum, count = 0) => sum + count, 0);
  write(
    `${requests} requests, ${differences.length} differences (${refusals} documented refusals), seed ${seed}`,
  );
  process.exitCode = differences.length === 0 ? 0 : 1;
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
