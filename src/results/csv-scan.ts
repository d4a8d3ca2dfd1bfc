import { InvalidInputError } from "../errors.ts";

/** Takes comma-separated text piece by piece; rows are handed on as they end. */
export type CsvScanner = {
  /** @throws {InvalidInputError} with the line, for quotes in the wrong place. */
  write(text: string): void;
  /** @throws {InvalidInputError} when the last row is not complete. */
  end(): void;
};

/** Cells of one row, each cut after 1,000 characters; lines are counted from 1. */
export type CsvRow = (cells: readonly string[], line: number) => void;

/** Of a cell. A cell may hold a whole equity curve, which nobody wants. */
const MAX_TEXT = 1000;

/** Of a row: that it has too many is all that matters. */
const MAX_CELLS = 10;

/**
 * A reader of comma-separated values as RFC 4180 and pandas write them: cells in quotes may hold
 * commas, line ends and doubled quotes.
 */
export function createCsvScanner(row: CsvRow): CsvScanner {
  let cells: string[] = [];
  let cell = "";
  /** `quoted` within quotes, `closed` after them. */
  let state: "start" | "plain" | "quoted" | "closed" = "start";
  let line = 1;
  let rowLine = 1;

  function endCell(): void {
    if (cells.length < MAX_CELLS) cells.push(cell);
    cell = "";
    state = "start";
  }

  function endRow(): void {
    endCell();
    const isBlank = cells.length === 1 && cells[0] === "";
    if (!isBlank) row(cells, rowLine);
    cells = [];
    rowLine = line;
  }

  function keep(character: string): void {
    if (cell.length < MAX_TEXT) cell += character;
  }

  function read(character: string): void {
    if (character === "\n") line++;
    if (state === "quoted") {
      if (character === '"') state = "closed";
      else keep(character);
      return;
    }
    switch (character) {
      case ",":
        endCell();
        return;
      case "\n":
        endRow();
        return;
      case "\r":
        return;
      case "\0":
        throw new InvalidInputError(`line ${line}: a NUL character: this is no text`);
      case '"':
        if (state === "plain") throw new InvalidInputError(`line ${line}: a quote within a cell`);
        // Doubled, it stands for itself.
        if (state === "closed") keep(character);
        state = "quoted";
        return;
      default:
        if (state === "closed") throw new InvalidInputError(`line ${line}: text after a quote`);
        state = "plain";
        keep(character);
    }
  }

  return {
    write(text) {
      for (let at = 0; at < text.length; at++) read(text.charAt(at));
    },
    end() {
      if (state === "quoted") {
        throw new InvalidInputError(`line ${rowLine}: the file ends within quotes: it is cut off`);
      }
      // pandas ends every row; half a number would be another number.
      if (state !== "start" || cells.length > 0) {
        throw new InvalidInputError(
          `line ${line}: the last row has no line end: the file is cut off`,
        );
      }
    },
  };
}
