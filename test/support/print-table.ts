/** Prints what a proof found, as a table that people read in CI's output. */
export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  const rule = line(widths.map((width) => "-".repeat(width)));
  process.stdout.write(`\n${[title, line(header), rule, ...rows.map(line)].join("\n")}\n\n`);
}
