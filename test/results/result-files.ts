import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { strToU8, zipSync } from "fflate";

/** The path of a file in `fixtures`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

export function fixtureBytes(name: string): Buffer {
  return readFileSync(fixture(name));
}

/** A temporary folder for result files. */
export function resultFolder() {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-results-"));
  return {
    /** Writes a file; its path. */
    write(name: string, content: string | Uint8Array): string {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
    path: (name: string) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A zip as freqtrade writes it: the result, and what it was made with. */
export function freqtradeZip(result: string | Uint8Array, name = "backtest-result-x"): Buffer {
  const json = typeof result === "string" ? strToU8(result) : new Uint8Array(result);
  return Buffer.from(
    zipSync({
      [`${name}_config.json`]: strToU8('{"strategy": "Breakout", "stake_currency": "USDT"}'),
      [`${name}_Breakout.json`]: strToU8('{"strategy_name": "Breakout", "params": {}}'),
      [`${name}_Breakout.py`]: strToU8("class Breakout: pass"),
      [`${name}.json`]: json,
      [`${name}_market_change.feather`]: strToU8("ARROW1"),
    }),
  );
}
