import type { Decision } from "./agent.ts";

/** Values of the label `rule_name`. */
export const RULES = ["max_position_size", "max_positions", "conviction_threshold"] as const;

export type Rule = (typeof RULES)[number];

export type Limits = {
  /** Least conviction to buy, 0 to 1. */
  readonly buyConviction: number;
  /** Least conviction to sell, 0 to 1. */
  readonly sellConviction: number;
  /** Largest position, as a share of the portfolio's value. */
  readonly positionShare: number;
  /** Most open positions. */
  readonly positions: number;
  /** What one purchase comes to, as a share of the portfolio's value, while there is cash. */
  readonly orderShare: number;
};

/**
 * The convictions are the reference system's settings. It names the two other rules without their
 * values: a fifth and ten are ours, and a purchase is half the largest position.
 */
export const LIMITS: Limits = {
  buyConviction: 0.7,
  sellConviction: 0.6,
  positionShare: 0.2,
  positions: 10,
  orderShare: 0.1,
};

export type Portfolio = {
  /** USD. */
  readonly cash: number;
  /** Market value of each open position, USD. */
  readonly positions: Readonly<Record<string, number>>;
};

export type Check = { readonly rule: Rule; readonly passed: boolean };

/** What would be traded. Nothing ever is: no order leaves this job. */
export type PlannedTrade =
  | {
      readonly action: "BUY" | "SELL";
      /** Amount, USD. Absent when the portfolio is not known. */
      readonly usd?: number;
    }
  | { readonly action: "HOLD" };

export type Planned = {
  /** Every rule that bears on the decision, passed or not. */
  readonly checks: readonly Check[];
  readonly trade: PlannedTrade;
};

export type Decided = Pick<Decision, "action" | "conviction"> & { readonly ticker: string };

/** Sums of shares are not exact: a position may be this much too large, as a share of the limit. */
const TOLERANCE = 1e-9;

/**
 * Holds decisions against the constitution: what of them would be traded. A decision that fails a
 * rule becomes HOLD. The strongest purchases come first, for cash and positions may not be enough for
 * all; what a sale would bring is not counted on.
 *
 * @param portfolio without it the two rules about positions are not checked, and amounts not known.
 * @returns in the order of the decisions.
 */
export function applyConstitution(
  decisions: readonly Decided[],
  portfolio: Portfolio | undefined,
  limits: Limits = LIMITS,
): readonly Planned[] {
  const book = portfolio === undefined ? undefined : openBook(portfolio);
  const planned: Planned[] = [];
  const byConviction = [...decisions.entries()].sort(
    ([a, one], [b, other]) => other.conviction - one.conviction || a - b,
  );
  for (const [index, decided] of byConviction) planned[index] = plan(decided, book, limits);
  return planned;
}

/** The portfolio, and what the purchases so far would make of it. */
type Book = {
  readonly value: number;
  readonly positions: Map<string, number>;
  cash: number;
};

function openBook({ cash, positions }: Portfolio): Book {
  const open = Object.entries(positions).filter(([, usd]) => usd > 0);
  const value = open.reduce((total, [, usd]) => total + usd, cash);
  return { value, cash, positions: new Map(open) };
}

function plan(decided: Decided, book: Book | undefined, limits: Limits): Planned {
  const { ticker, action } = decided;
  if (action === "HOLD") return { checks: [], trade: { action } };
  const held = book?.positions.get(ticker) ?? 0;
  const usd =
    book === undefined || action === "SELL"
      ? held
      : Math.min(book.value * limits.orderShare, book.cash);
  const checks: Check[] = [
    { rule: "conviction_threshold", passed: isConvinced(decided, limits) },
    ...(book !== undefined && action === "BUY"
      ? ([
          { rule: "max_position_size", passed: fitsSize(held + usd, book.value, limits) },
          { rule: "max_positions", passed: held > 0 || fitsCount(book.positions.size + 1, limits) },
        ] as const)
      : []),
  ];
  if (checks.some(({ passed }) => !passed)) return { checks, trade: { action: "HOLD" } };
  if (book === undefined) return { checks, trade: { action } };
  // No cash to buy with, or nothing to sell: no rule's doing.
  if (usd === 0) return { checks, trade: { action: "HOLD" } };
  if (action === "BUY") {
    book.cash -= usd;
    book.positions.set(ticker, held + usd);
  }
  return { checks, trade: { action, usd } };
}

/** `conviction_threshold`: the decision is held firmly enough to act on it. */
export function isConvinced(
  { action, conviction }: Pick<Decision, "action" | "conviction">,
  limits: Limits,
): boolean {
  switch (action) {
    case "BUY":
      return conviction >= limits.buyConviction;
    case "SELL":
      return conviction >= limits.sellConviction;
    case "HOLD":
      return true;
    default:
      return action satisfies never;
  }
}

/** `max_position_size`: a position of so many USD is no larger than its share of the portfolio. */
export function fitsSize(usd: number, portfolioValue: number, limits: Limits): boolean {
  return usd <= portfolioValue * limits.positionShare * (1 + TOLERANCE);
}

/** `max_positions`: so many open positions are not too many. */
export function fitsCount(positions: number, limits: Limits): boolean {
  return positions <= limits.positions;
}
