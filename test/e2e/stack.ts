import { once } from "node:events";
import { startTradingSystem } from "./trading-system.ts";

/**
 * `npm run stack`: real servers of a small trading system, until Ctrl-C. Prints the environment in which
 * the reporter finds them.
 */
async function main(): Promise<void> {
  const system = await startTradingSystem();
  for (const [name, value] of Object.entries(system.env)) {
    process.stdout.write(`export ${name}=${value}\n`);
  }
  process.stdout.write(`# closing-bell report --config test/e2e/report.json\n# until Ctrl-C\n`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await system.stop();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
