import { readPostgres } from "./postgres-reading.ts";

/** Reads each of the connection strings of its command line once, and tells what came of it. */
async function main(): Promise<void> {
  for (const connectionString of process.argv.slice(2)) {
    const reading = await readPostgres({ connectionString });
    const told = reading.status === "read" ? reading.status : reading.error.message;
    process.stdout.write(`${told}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error}\n`);
});
