import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { ALERT_NAMES, namesIn, PROMETHEUS, ROOT } from "./shipped.ts";

const program = readFileSync(new URL("src/cli/main.ts", ROOT), "utf8");

function page(name: string): string {
  return readFileSync(new URL(`runbooks/${name}.md`, PROMETHEUS), "utf8");
}

test("there is one page for each alert, and none without", () => {
  expect(namesIn("runbooks/")).toEqual(ALERT_NAMES.map((name) => `${name}.md`));
});

describe.each(ALERT_NAMES)("%s", (name) => {
  test("says what it means, how to look and what to do, on one screen", () => {
    const text = page(name);

    expect(text).toMatch(
      new RegExp(
        `^# ${name}\n\n\\S[^#]+\n\n## How to look\n\n- [^#]+\n\n## What to do\n\n1\\. [^#]+\n$`,
      ),
    );
    expect(text.split("\n").length).toBeLessThan(30);
  });

  test("names only commands, flags and alerts that exist", () => {
    const text = page(name);
    for (const [, command = "", rest = ""] of text.matchAll(/`closing-bell (\w+)([^`]*)`/g)) {
      expect(program).toContain(`"${command}"`);
      for (const [flag] of rest.replace(/ -- .*/, "").matchAll(/--[a-z-]+/g)) {
        if (!["--gateway"].includes(flag)) expect(program).toContain(`"${flag}`);
      }
      const [, word] = /^ ([a-z]+)/.exec(rest) ?? [];
      if (word !== undefined) expect(program).toMatch(new RegExp(`command\\("${word}"\\)`));
    }
    for (const [word] of text.matchAll(/\b(?:[A-Z][a-z]+){2,}\b/g)) {
      if (/^(?:TimescaleDB|PostgreSQL)$/.test(word)) continue;
      expect(ALERT_NAMES).toContain(word);
    }
  });
});
