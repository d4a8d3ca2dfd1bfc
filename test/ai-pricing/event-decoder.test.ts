import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createEventDecoder } from "../../src/ai-pricing/event-decoder.ts";

const event = (data: unknown) => `event: message\ndata: ${JSON.stringify(data)}\n\n`;

describe("the events of an event stream", () => {
  test("are read wherever its bytes are cut apart", () => {
    const events = [{ text: "é 🙂 \r\n" }, { type: "ping" }, { usage: { output_tokens: 5 } }];
    const bytes = Buffer.from(events.map(event).join(""));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const decode = createEventDecoder();
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const parts = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(parts.flatMap(decode)).toEqual(events);
      }),
    );
  });

  test.each<{ name: string; text: string; events: readonly unknown[] }>([
    { name: "with CRLF", text: 'data: {"a":1}\r\n\r\ndata: 2\r\n\r\n', events: [{ a: 1 }, 2] },
    { name: "with CR", text: 'data: {"a":1}\r\rdata: 2\r\r', events: [{ a: 1 }, 2] },
    { name: "without a space", text: "data:1\n\n", events: [1] },
    { name: "between comments", text: ": hello\ndata: 1\n\n: bye\n", events: [1] },
    { name: "that are no JSON", text: "data: [DONE]\n\ndata: {\n\n", events: [] },
    { name: "that have not come whole", text: 'data: {"a":1}', events: [] },
  ])("$name", ({ text, events }) => {
    expect(createEventDecoder()(Buffer.from(text))).toEqual(events);
    expect(createEventDecoder()(text)).toEqual(events);
  });
});
