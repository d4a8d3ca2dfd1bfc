import { InvalidOptionError, SourceError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { askRedis } from "./redis.ts";
import { parseRedisUrl, type RedisLocation } from "./redis-address.ts";
import { describeCommand } from "./redis-error.ts";
import type { ValueSource } from "./value-source.ts";

export type RedisValueOptions = RedisLocation & {
  readonly key: string;
  /** The key is a hash, and this is its field. Without it the key is a plain string. */
  readonly field?: string;
};

/** Name of this source in errors. */
const SOURCE = "redis";

/**
 * The text of a Redis key, or of a field of a hash; null when there is no such key or field. Binary
 * text is read as UTF-8.
 *
 * @throws {InvalidOptionError} for unknown options, an unusable URL, an empty key.
 */
export function createRedisValue(options: RedisValueOptions): ValueSource {
  refuseUnknownKeys(options, ["url", "ca", "key", "field"], "createRedisValue");
  const { key, field } = options;
  if (key === "") throw new InvalidOptionError("createRedisValue: key is empty");
  const address = parseRedisUrl(options);
  const command: readonly [string, ...string[]] =
    field === undefined ? ["GET", key] : ["HGET", key, field];
  const describe = `${describeCommand(command)} at ${address.label}`;
  return {
    describe,
    async read(signal) {
      const reply = await askRedis(address, { command, source: SOURCE, signal });
      if (reply === null || typeof reply === "string") return reply;
      const got = Array.isArray(reply) ? "a list" : `a ${typeof reply}`;
      throw new SourceError(SOURCE, `${describe}: the reply is ${got}, not text; is this a Redis?`);
    },
  };
}
