import { spawnSync } from "node:child_process";
import { describe, expect, jest, test } from "@jest/globals";
import { PROGRAM, start } from "./start-cli.ts";

jest.setTimeout(90_000);

/** util-linux's `script` gives a command a terminal of its own; on other systems it is another one. */
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes(
  "util-linux",
);

/** Says what it gets, and how often, and ends in its own time after the first signal. */
const COMMAND = `
  let count = 0;
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      console.log(signal + " number " + ++count);
      if (count === 1) setTimeout(() => process.exit(5), 400);
    });
  }
  setInterval(() => {}, 1000);
  console.log("started by " + process.ppid);`;

(hasScript ? describe : describe.skip)("run at a terminal", () => {
  test("hands Ctrl-C to the command once, reports, and exits as the command does", async () => {
    const terminal = openTerminal();
    await terminal.printed(/started by/);
    terminal.stdin.write("\u0003");

    const { code, stdout } = await terminal.ended;

    expect(code).toBe(5);
    expect(stdout.toString()).toContain("SIGINT number 1");
    expect(stdout.toString()).not.toContain("number 2");
    expect(stdout.toString()).toContain("typed interrupted (exit 5)");
  });

  test("passes on a SIGTERM, which no terminal sends", async () => {
    const terminal = openTerminal();
    const [, pid] = await terminal.printed(/started by (\d+)/);
    process.kill(Number(pid), "SIGTERM");

    const { code, stdout } = await terminal.ended;

    expect(code).toBe(5);
    expect(stdout.toString()).toContain("SIGTERM number 1");
    expect(stdout.toString()).not.toContain("number 2");
  });
});

function openTerminal() {
  // exec: a shell in between would get the Ctrl-C too.
  const run = 'exec "$NODE" "$PROGRAM" run -j typed -- "$NODE" -e "$COMMAND"';
  return start("script", ["--quiet", "--return", "--command", run, "/dev/null"], {
    env: { NODE: process.execPath, PROGRAM, COMMAND },
  });
}
