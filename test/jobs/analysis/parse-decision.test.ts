import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AgentError } from "../../../src/jobs/analysis/errors.ts";
import { parseDecision } from "../../../src/jobs/analysis/parse-decision.ts";

const GOOD = { action: "BUY", conviction: 0.82, reason: "The trend is up." };

function message(text: string, rest: object = {}): unknown {
  return { type: "message", content: [{ type: "text", text }], stop_reason: "end_turn", ...rest };
}

describe("an answer that holds a decision", () => {
  test.each<{ name: string; answer: unknown; decision?: object }>([
    { name: "as it was asked for", answer: message(JSON.stringify(GOOD)) },
    { name: "with blanks around it", answer: message(`\n ${JSON.stringify(GOOD)} `) },
    {
      name: "with more than was asked for",
      answer: message(JSON.stringify({ ...GOOD, price: 3 })),
    },
    {
      name: "behind thinking, in two blocks",
      answer: {
        content: [
          { type: "thinking", thinking: "Hm." },
          { type: "text", text: '{"action":"BUY","conviction":0.82,' },
          { type: "text", text: '"reason":"The trend is up."}' },
        ],
      },
    },
    {
      name: "sure of nothing",
      answer: message(JSON.stringify({ ...GOOD, action: "HOLD", conviction: 0 })),
      decision: { ...GOOD, action: "HOLD", conviction: 0 },
    },
    {
      name: "sure of it all, with a reason of several lines",
      answer: message(
        JSON.stringify({ action: "SELL", conviction: 1, reason: " a\n\u001b[1mb\u202e " }),
      ),
      decision: { action: "SELL", conviction: 1, reason: "a [1mb" },
    },
    {
      name: "with a reason that has no end",
      answer: message(JSON.stringify({ ...GOOD, reason: "x".repeat(9000) })),
      decision: { ...GOOD, reason: `${"x".repeat(500)}…` },
    },
  ])("is read: $name", ({ answer, decision = GOOD }) => {
    expect(parseDecision(answer)).toEqual(decision);
  });
});

describe("an answer that is no decision", () => {
  const NO_MESSAGE = "the answer is no message, or not a whole one; check the base URL";

  test.each<{ name: string; answer: unknown; error: string }>([
    { name: "nothing", answer: undefined, error: NO_MESSAGE },
    { name: "a list", answer: [GOOD], error: NO_MESSAGE },
    { name: "a decision that is no message", answer: GOOD, error: NO_MESSAGE },
    { name: "prose", answer: message("Buy!"), error: 'the answer is no decision but "Buy!"' },
    {
      name: "prose without end",
      answer: message("Buy! ".repeat(1000)),
      error: `the answer is no decision but "${"Buy! ".repeat(1000).slice(0, 119)}…`,
    },
    {
      name: "no text",
      answer: { content: [{ type: "tool_use", name: "decide", input: GOOD }] },
      error: 'the answer is no decision but ""',
    },
    {
      name: "a decision in a fence",
      answer: message(`\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\``),
      error:
        'the answer is no decision but "```json\\n{\\"action\\":\\"BUY\\",\\"conviction\\":0.82,' +
        '\\"reason\\":\\"The trend is up.\\"}\\n```"',
    },
    {
      name: "cut short",
      answer: message('{"action":"BU', { stop_reason: "max_tokens" }),
      error: "the answer was cut at max_tokens; raise maxTokens",
    },
    {
      name: "a refusal",
      answer: message("I cannot.", { stop_reason: "refusal" }),
      error: "the model refused to answer",
    },
    {
      name: "a list of decisions",
      answer: message(JSON.stringify([GOOD])),
      error: "the decision's action is missing; expected BUY, SELL or HOLD",
    },
    ...["buy", "SHORT", "", null, 1, ["BUY"]].map((action) => ({
      name: `the action ${JSON.stringify(action)}`,
      answer: message(JSON.stringify({ ...GOOD, action })),
      error: `the decision's action is ${JSON.stringify(action)}; expected BUY, SELL or HOLD`,
    })),
    ...[-0.01, 1.01, 82, "0.82", null, true].map((conviction) => ({
      name: `the conviction ${JSON.stringify(conviction)}`,
      answer: message(JSON.stringify({ ...GOOD, conviction })),
      error: `the decision's conviction is ${JSON.stringify(conviction)}; expected 0 to 1`,
    })),
    {
      name: "a conviction beyond all numbers",
      answer: message('{"action":"BUY","conviction":1e999,"reason":"Sure."}'),
      error: "the decision's conviction is null; expected 0 to 1",
    },
    ...["", " \n", 7, undefined].map((reason) => ({
      name: `the reason ${JSON.stringify(reason)}`,
      answer: message(JSON.stringify({ ...GOOD, reason })),
      error: "the decision has no reason",
    })),
  ])("is refused: $name", ({ answer, error }) => {
    expect(() => parseDecision(answer)).toThrow(AgentError);
    expect(() => parseDecision(answer)).toThrow(new Error(error));
  });

  test("is refused shortly, whatever it is; and what is taken is a decision", () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("BUY", "SELL", "HOLD") },
      fc.string(),
    );
    const conviction = fc.oneof(
      { weight: 4, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
      fc.double(),
      fc.string(),
    );
    const reason = fc.string({ maxLength: 600, unit: "binary" });
    const near = fc.oneof(
      fc.record({ action, conviction, reason }),
      fc.record({ action, conviction, reason }, { requiredKeys: [] }),
    );
    const text = fc.oneof(
      { weight: 6, arbitrary: near.map((value) => JSON.stringify(value)) },
      fc.json({ maxDepth: 2 }),
      fc.string(),
    );
    const value = fc.jsonValue({ maxDepth: 2 });
    const block = fc.oneof(
      text.map((each) => ({ type: "text", text: each })),
      value,
    );
    const answer = fc.oneof(
      { weight: 6, arbitrary: text.map((each) => message(each)) },
      value,
      fc.record({ content: fc.array(block, { maxLength: 3 }), stop_reason: fc.string() }),
    );
    let taken = 0;
    fc.assert(
      fc.property(answer, (given) => {
        let decision: ReturnType<typeof parseDecision>;
        try {
          decision = parseDecision(given);
        } catch (error) {
          expect(error).toBeInstanceOf(AgentError);
          expect((error as Error).message.length).toBeLessThan(330);
          expect((error as Error).message).not.toMatch(/\p{Cc}/u);
          return;
        }
        taken++;
        expect(["BUY", "SELL", "HOLD"]).toContain(decision.action);
        expect(decision.conviction >= 0 && decision.conviction <= 1).toBe(true);
        expect(decision.reason).not.toBe("");
        expect(decision.reason).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});
