/**
 * The rows of the table. A row is one file of `cases/`, measured for the product, its peers and
 * the floor.
 *
 * Targets are ratios within one run: `peer` is how many times the time of the fastest peer must be
 * ours, at least; `floor` is how many times the floor our time may be, at most.
 */
export const ROWS = [
  {
    id: "counter-child",
    title: "counter child, 10 label sets",
    targets: { peer: 15, floor: 1.2 },
    modes: ["quick"],
  },
  {
    id: "gauge-child",
    title: "gauge child, 10 label sets",
    targets: { peer: 15, floor: 1.2 },
    modes: ["quick"],
  },
  {
    id: "histogram-child",
    title: "histogram child, 12 buckets",
    targets: { peer: 30, floor: 1.3 },
    modes: ["quick"],
  },
  {
    id: "counter-object",
    title: "counter object form, 2 labels",
    targets: { peer: 2.5, floor: 1.6 },
    modes: ["quick"],
  },
  {
    id: "render-10k",
    title: "10,000 lines to bytes",
    sliceMs: 60,
    targets: { peer: 5 },
    modes: ["quick"],
  },
];

/**
 * How much is measured. A repetition starts a fresh process for every contestant of every row; a
 * round gives each of a row's processes one slice. No rerun starts later than `budgetMs` after
 * the start of the whole.
 */
export const MODES = {
  quick: { repetitions: 3, rerunRepetitions: 6, rounds: 8, budgetMs: 70_000 },
};
