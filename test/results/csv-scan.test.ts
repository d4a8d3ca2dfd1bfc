import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createCsvScanner } from "../../src/results/csv-scan.ts";

function rows(pieces: readonly string[]): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const scanner = createCsvScanner((cells) => found.push(cells));
  for (const piece of pieces) scanner.write(piece);
  scanner.end();
  return found;
}

/** As pandas writes a cell. */
function written(cell: string): string {
  return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

test("what pandas writes is read back, however it is cut into pieces", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", "1", '"', ",", "\n", " ", "é") });
  const row = fc.tuple(cell, cell).filter(([a, b]) => a !== "" || b !== "");
  fc.assert(
    fc.property(fc.array(row), fc.nat(), fc.boolean(), (table, cut, isWindows) => {
      const end = isWindows ? "\r\n" : "\n";
      const text = table.map((cells) => cells.map(written).join(",") + end).join("");
      const at = cut % (text.length + 1);
      expect(rows([text.slice(0, at), text.slice(at)])).toEqual(table);
    }),
  );
});

describe("refused:", () => {
  test.each([
    ['a,b"c\n', "line 1: a quote within a cell"],
    ['a,"b"c\n', "line 1: text after a quote"],
    ['a,"b\nc', "line 1: the file ends within quotes"],
    ["a,b\nc,d", "line 2: the last row has no line end"],
    ["a,\0\n", "line 1: a NUL character"],
  ])("%j", (text, problem) => {
    expect(() => rows([text])).toThrow(problem);
  });
});

test("a cell is cut, and a row is", () => {
  const [[long = "", ...others] = []] = rows([`${"x".repeat(5000)}${",".repeat(100)}\n`]);
  expect([long.length, others.length]).toEqual([1000, 9]);
});
