import { createRedisProbe } from "../../src/sources/probes/redis.ts";
import { createRedisValue } from "../../src/sources/redis-value.ts";
import { readSource, type Source } from "../../src/sources/source.ts";
import { createSsmValue } from "../../src/sources/ssm-value.ts";

/** A source to be read once, by a process that ends when nothing keeps it any more. */
export type Question = { readonly timeoutMs: number } & (
  | { readonly ping: string }
  | { readonly get: { readonly url: string; readonly key: string } }
  | { readonly parameter: Parameters<typeof createSsmValue>[0] }
);

const questions: readonly Question[] = JSON.parse(process.argv[2] ?? "[]");
readAll().catch((error: unknown) => {
  process.stderr.write(`${error}\n`);
});

async function readAll(): Promise<void> {
  for (const question of questions) {
    const reading = await readSource(sourceOf(question), new AbortController().signal);
    const { status } = reading;
    const told = status === "read" ? { value: reading.value } : { error: reading.error.message };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
}

function sourceOf(question: Question): Source<unknown> {
  const { timeoutMs } = question;
  if ("ping" in question) return createRedisProbe({ name: "redis", url: question.ping, timeoutMs });
  const value =
    "get" in question ? createRedisValue(question.get) : createSsmValue(question.parameter);
  return { name: "value", timeoutMs, read: value.read };
}
