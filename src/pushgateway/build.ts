import { VERSION } from "../version.ts";

/**
 * What the gateway says it is, in its status and its own metric: compatible with 1.6.0, the first
 * version that does not take a cut-off body for a whole one, and after the plus sign, as semantic
 * versions have it, who built it.
 */
export const BUILD = {
  branch: "closing-bell",
  version: `1.6.0+closing-bell.${VERSION}`,
} as const;
