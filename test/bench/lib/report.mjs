import { FLOOR, PRODUCT } from "./contestants.mjs";

const HEADER = [
  "row",
  "product",
  "spread",
  "fastest peer",
  "",
  "floor",
  "x peer",
  "x floor",
  "target",
  "",
];

/** The table for people: times in nanoseconds. */
export function table(results) {
  const lines = [HEADER, ...results.map((result) => cells(result))];
  const widths = HEADER.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, column, widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cells({ title, contestants, fastestPeer, ratios, targets, verdict, rerun }) {
  const product = contestants[PRODUCT];
  return [
    title,
    figure(product.median),
    `${figure(product.low)}-${figure(product.high)}`,
    fastestPeer,
    figure(contestants[fastestPeer].median),
    figure(contestants[FLOOR].median),
    figure(ratios.peer),
    ratios.floor.toFixed(2),
    [`>= ${targets.peer}x`, ...(targets.floor ? [`<= ${targets.floor}x`] : [])].join(", "),
    rerun ? `${verdict} (rerun)` : verdict,
  ];
}

/** Texts to the left, figures to the right. */
function pad(cell, column, width) {
  return [0, 3, 8, 9].includes(column) ? cell.padEnd(width) : cell.padStart(width);
}

function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
