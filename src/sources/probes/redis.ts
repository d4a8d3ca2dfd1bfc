import { SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import { askRedis } from "../redis.ts";
import { parseRedisUrl, type RedisLocation } from "../redis-address.ts";
import type { Source } from "../source.ts";

export type RedisProbeOptions = RedisLocation & {
  /** Name of the source: `redis`, or which of several it is. */
  readonly name: string;
  /** How long one reading may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
};

/**
 * Whether a Redis answers: connected, logged in, PING answered by PONG. Anything else is an error.
 *
 * @throws {InvalidOptionError} for unknown options and an unusable URL.
 */
export function createRedisProbe(options: RedisProbeOptions): Source<true> {
  refuseUnknownKeys(options, ["name", "url", "ca", "timeoutMs"], "createRedisProbe");
  const { name, timeoutMs } = options;
  const address = parseRedisUrl(options);
  return {
    name,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    async read(signal) {
      const reply = await askRedis(address, { command: ["PING"], source: name, signal });
      if (reply === "PONG") return true;
      throw new SourceError(name, `PING at ${address.label}: no PONG came back; is this a Redis?`);
    },
  };
}
