import { describe, expect, test } from "@jest/globals";
import { readLogLines, recordLogLines } from "../../src/record/log-lines.ts";
import type { RunRecord } from "../../src/record/run-record.ts";
import { counter, success } from "../support/run-records.ts";

const SMALL = success("small");
const LARGE = success("large", [
  {
    type: "counter",
    name: "c_total",
    samples: Array.from({ length: 2000 }, (_, n) => ({
      labels: { ticker: `T${(n * 7919 ** 2) % 1_000_003}-${n}` },
      value: n,
    })),
  },
]);

describe("a record's log lines", () => {
  test("give it back, whatever stands between and before them, in any order and repeated", async () => {
    const lines = [...recordLogLines(LARGE), ...recordLogLines(SMALL)];
    expect(lines.length).toBeGreaterThan(2);
    const log = [...lines.toReversed(), "GET / 200", "", '{"a":1}', ...lines].map(
      (line, n) => `2026-11-22T00:00:0${n % 10}Z host job[7]: ${line}`,
    );
    const { records, problems } = await readLogLines(log);
    expect(problems).toEqual([]);
    expect(byId(records)).toEqual(byId([SMALL, LARGE]));
  });

  test("are short and plain, so that log drivers take them whole", () => {
    for (const line of recordLogLines(LARGE)) {
      expect(line.length).toBeLessThan(9000);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
  });

  test("are found inside other JSON, once and twice escaped", async () => {
    const inside = recordLogLines(LARGE).map((line) => JSON.stringify({ log: `${line}\n` }));
    expect((await readLogLines(inside)).records).toEqual([LARGE]);
    const twice = inside.map((line) => JSON.stringify({ message: line, stream: "stderr" }));
    expect((await readLogLines(twice)).records).toEqual([LARGE]);
  });

  test("are all found in a document of one line", async () => {
    const lines = [...recordLogLines(LARGE), ...recordLogLines(SMALL)];
    const events = lines.map((message, eventId) => ({ eventId, message }));
    const { records } = await readLogLines([JSON.stringify({ events })]);
    expect(byId(records)).toEqual(byId([SMALL, LARGE]));
  });

  test("come from a stream as well", async () => {
    async function* stream() {
      yield* recordLogLines(SMALL);
    }
    expect((await readLogLines(stream())).records).toEqual([SMALL]);
  });
});

describe("lines that give no record are told of, and hide no other record", () => {
  const [line = ""] = recordLogLines(SMALL);
  const parsed = JSON.parse(line);
  test.each<{ name: string; lines: readonly string[]; problem: RegExp }>([
    {
      name: "a part is missing",
      lines: recordLogLines(LARGE).slice(1),
      problem: /^record run-large: 1 of its \d lines are missing/,
    },
    {
      name: "the data is damaged",
      lines: [JSON.stringify({ ...parsed, data: parsed.data.replace(/^.{20}/, "A".repeat(20)) })],
      problem: /^record run-small: /,
    },
    {
      name: "the data is another record's",
      lines: [
        JSON.stringify({
          ...parsed,
          data: JSON.parse(recordLogLines(success("x", [counter("c", 1)]))[0] ?? "").data,
        }),
      ],
      problem: /^record run-small: its lines do not fit its hash/,
    },
    { name: "it is cut off", lines: [line.slice(0, 300)], problem: /^a damaged line/ },
    {
      name: "the form is unknown",
      lines: [line.replace('record":1', 'record":2')],
      problem: /unknown form 2: a newer closing-bell/,
    },
    {
      name: "a part is beyond all parts",
      lines: [JSON.stringify({ ...parsed, part: 2 })],
      problem: /other values than ours/,
    },
    {
      name: "there are endless parts",
      lines: [JSON.stringify({ ...parsed, parts: 1e9 })],
      problem: /other values than ours/,
    },
  ])("because $name", async ({ lines, problem }) => {
    const other = success("other");
    const result = await readLogLines([...lines, ...recordLogLines(other)]);
    expect(result.records).toEqual([other]);
    expect(result.problems).toEqual([expect.stringMatching(problem)]);
  });
});

function byId(records: readonly RunRecord[]): readonly RunRecord[] {
  return records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
