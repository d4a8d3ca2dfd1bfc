import { aiCatalogue } from "./ai-catalogue.ts";
import { backtestCatalogue } from "./backtest-catalogue.ts";
import { catalogue, runCatalogue } from "./catalogue.ts";
import type { Definition } from "./definition.ts";
import { reporterCatalogue } from "./reporter-catalogue.ts";

/** Every family that is ours, but what the ledger adds to its own groups. */
export const ownDefinitions: readonly Definition[] = [
  catalogue,
  aiCatalogue,
  backtestCatalogue,
  reporterCatalogue,
  runCatalogue,
].flatMap((families): readonly Definition[] => Object.values(families));
