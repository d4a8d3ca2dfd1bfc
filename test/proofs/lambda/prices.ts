import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sp500 } from "../../jobs/sp500.ts";
import { stateDirectory } from "../../support/state-directory.ts";

/** Enough for every figure that is worked out of them, and read in a moment. */
const DAYS = 300;

/** The first prices of the S&P 500, as the function of every job finds them. */
export function writePrices() {
  const folder = stateDirectory();
  mkdirSync(folder);
  const lines = readFileSync(sp500(), "utf8").split("\n");
  writeFileSync(join(folder, "SPX.csv"), lines.slice(0, DAYS + 1).join("\n"));
  const { href } = pathToFileURL(folder);
  return { backtest: `${href}/SPX.csv`, analysis: `${href}/{ticker}.csv` };
}
