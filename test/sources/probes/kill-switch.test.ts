import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SourceError } from "../../../src/errors.ts";
import {
  ACTIVE_WORDS,
  createKillSwitch,
  INACTIVE_WORDS,
  parseKillSwitch,
} from "../../../src/sources/probes/kill-switch.ts";
import { createRedisValue } from "../../../src/sources/redis-value.ts";
import { type Reading, readSource } from "../../../src/sources/source.ts";
import type { ValueSource } from "../../../src/sources/value-source.ts";
import { startRedis } from "../../support/redis.ts";
import { describeWithServer } from "../../support/servers.ts";

const NEVER = new AbortController().signal;

function says(text: string | null): ValueSource {
  return { describe: "the note on the desk", read: async () => text };
}

function messageOf(reading: Reading<unknown>): string {
  return reading.status === "failed" ? reading.error.message : "it was read";
}

describe("the kill switch", () => {
  test.each([
    ...ACTIVE_WORDS.map((text) => ({ text: text as string, isActive: true })),
    ...INACTIVE_WORDS.map((text) => ({ text: text as string, isActive: false })),
    { text: " Halted\r\n", isActive: true },
    { text: "FALSE", isActive: false },
    { text: '{"active":true,"reason":"daily_loss_limit"}', isActive: true },
    { text: ' {"enabled": false} ', isActive: false },
    { text: '{"active":false,"previous":{"active":true}}', isActive: false },
  ])("that says $text is active: $isActive", async ({ text, isActive }) => {
    const reading = await readSource(createKillSwitch(says(text)), NEVER);
    expect(reading).toMatchObject({ source: "kill_switch", status: "read", value: isActive });
  });

  test.each([
    "",
    " ",
    "2",
    "-1",
    "0.0",
    "null",
    "none",
    "not halted",
    "truefalse",
    "{}",
    '{"active":1}',
    '{"active":"false"}',
    '{"Active":false}',
    '{"active":null,"enabled":false}',
    '{"active":true,"enabled":true}',
    '{"halted":false}',
    '{"__proto__":{"active":false}}',
    '{"active":false',
    '[{"active":false}]',
    '"0"',
  ])("that says %j is unknown", async (text) => {
    const reading = await readSource(createKillSwitch(says(text)), NEVER);
    expect(reading.status).toBe("failed");
    expect(messageOf(reading)).toContain("the note on the desk: ");
    expect(messageOf(reading)).toContain(
      "does not say whether trading is halted; expected 1, true",
    );
  });

  test("quotes 20 characters of nonsense, and none that a terminal obeys", async () => {
    const secret = await readSource(createKillSwitch(says(`\u001b[2J${"x".repeat(99)}`)), NEVER);
    expect(messageOf(secret)).toContain(`"?[2J${"x".repeat(16)}"… does not say`);
    const emoji = await readSource(createKillSwitch(says("🛑".repeat(21))), NEVER);
    expect(messageOf(emoji)).toContain(`"${"🛑".repeat(20)}"… does not say`);
  });

  test("that is missing is unknown, unless it was said what that means", async () => {
    const unknown = await readSource(createKillSwitch(says(null)), NEVER);
    const same = await readSource(createKillSwitch(says(null), { absent: "unknown" }), NEVER);
    const inactive = await readSource(createKillSwitch(says(null), { absent: "inactive" }), NEVER);

    expect(messageOf(unknown)).toContain("kill_switch: the note on the desk: there is no such key");
    expect(messageOf(unknown)).toContain("the data was lost");
    expect(messageOf(unknown)).toContain('"absent": "inactive"');
    expect(messageOf(same)).toBe(messageOf(unknown));
    expect(inactive).toMatchObject({ status: "read", value: false });
  });

  test("that cannot be read is unknown, whatever a missing one means", async () => {
    const torn: ValueSource = {
      describe: "the note",
      read: async () => {
        throw new SourceError("desk", "on fire");
      },
    };
    const reading = await readSource(createKillSwitch(torn, { absent: "inactive" }), NEVER);
    expect(messageOf(reading)).toBe("kill_switch: desk: on fire");
    expect(reading).toMatchObject({ error: { source: "kill_switch" } });
  });

  test("any text is active, inactive or an error, and nothing else", () => {
    const near = fc
      .constantFrom(...ACTIVE_WORDS, ...INACTIVE_WORDS, '{"active":true}', '{"enabled":false}')
      .chain((word) => fc.tuple(fc.constant(word), fc.string({ maxLength: 2 })))
      .map(([word, more]) => `${more}${word}${more}`);
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.json(), near);
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(typeof parseKillSwitch(text, "x")).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
          const quoted = /^kill_switch: x: "(.*)"…? does/.exec((error as Error).message)?.[1] ?? "";
          expect(Array.from(JSON.parse(`"${quoted}"`)).length).toBeLessThanOrEqual(20);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the same text always means the same, in any case and with any space around", () => {
    const words = [...ACTIVE_WORDS, ...INACTIVE_WORDS];
    expect(new Set(words).size).toBe(words.length);
    const cased = fc
      .constantFrom(...words)
      .chain((word) => fc.tuple(fc.mixedCase(fc.constant(word)), fc.constant(word)));
    fc.assert(
      fc.property(cased, fc.constantFrom("", " ", "\n", "\t "), ([text, word], space) => {
        const isActive = (ACTIVE_WORDS as readonly string[]).includes(word);
        expect(parseKillSwitch(`${space}${text}${space}`, "x")).toBe(isActive);
      }),
    );
  });

  test("closes what its value keeps open, and refuses options that nobody reads", () => {
    let closed = 0;
    const value = { ...says("0"), close: () => void closed++ };
    createKillSwitch(value).close?.();
    expect(closed).toBe(1);
    expect(createKillSwitch(says("0"))).not.toHaveProperty("close");
    const options = { abscent: "inactive" };
    expect(() => createKillSwitch(says("0"), options as object)).toThrow('did you mean "absent"?');
  });
});

describeWithServer("redis")("the kill switch in a Redis", () => {
  test("is unknown, and not 0, when the Redis was restarted empty", async () => {
    const redis = await startRedis();
    const source = createKillSwitch(createRedisValue({ url: redis.url, key: "kill" }));
    await redis.command("SET", "kill", "1");
    const before = await readSource(source, NEVER);
    const next = await redis.restart();
    const after = await readSource(source, NEVER);
    await next.command("SET", "kill", "0");
    const set = await readSource(source, NEVER);

    expect(before).toMatchObject({ status: "read", value: true });
    expect(messageOf(after)).toContain('kill_switch: GET "kill" at redis://127.0.0.1:');
    expect(messageOf(after)).toContain("or the data was lost (a restart, a flush)");
    expect(set).toMatchObject({ status: "read", value: false });
  });

  test("is unknown while the Redis is frozen, and known right after", async () => {
    const redis = await startRedis();
    await redis.command("SET", "kill", "halted");
    const value = createRedisValue({ url: redis.url, key: "kill" });
    const source = createKillSwitch(value, { absent: "inactive", timeoutMs: 150 });
    redis.kill("SIGSTOP");
    const frozen = await readSource(source, NEVER);
    redis.kill("SIGCONT");
    const thawed = await readSource(createKillSwitch(value), NEVER);

    expect(messageOf(frozen)).toBe("kill_switch: gave no answer within 150 ms");
    expect(thawed).toMatchObject({ status: "read", value: true });
  });

  test("is unknown when the key is no text", async () => {
    const redis = await startRedis();
    await redis.command("HSET", "kill", "active", "0");
    const source = createKillSwitch(createRedisValue({ url: redis.url, key: "kill" }));
    expect(messageOf(await readSource(source, NEVER))).toMatch(
      /^kill_switch: redis: GET "kill" at .*WRONGTYPE/,
    );
  });
});
