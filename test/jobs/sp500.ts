import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** Daily S&P 500 prices from 2000 to 2020, out of the development dependency that holds them. */
export function sp500(): URL {
  const main = createRequire(__filename).resolve("vega-datasets");
  return pathToFileURL(join(dirname(main), "..", "data", "sp500-2000.csv"));
}
