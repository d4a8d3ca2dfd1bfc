import { readFileSync } from "node:fs";
import { describe, expect, jest, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";

jest.setTimeout(90_000);

const COMMANDS = [
  "run",
  "push",
  "push-results",
  "mixin",
  "delete",
  "check",
  "gateway",
  "serve",
  "publish",
  "replay",
  "demo",
  "ledger show",
  "ledger repair",
  "ledger adopt",
  "doctor",
  "config show",
];

/** The help of closing-bell itself has a group of commands as one. */
const TOP_LEVEL = [...new Set(COMMANDS.map((command) => command.replace(/ .*/, "")))];

describe("closing-bell", () => {
  test("alone shows its help as an error", async () => {
    const { code, stdout, stderr } = await runCli([]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const command of TOP_LEVEL) expect(stderr).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  test("--help shows every command, on standard output", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of TOP_LEVEL) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  test("--version is that of the package", async () => {
    const { version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );

    expect(await runCli(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test("an unknown command exits with 2 and names the nearest", async () => {
    const { code, stdout, stderr } = await runCli(["pusj"]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("closing-bell: unknown command 'pusj'\n(Did you mean push?)\n");
  });
});

describe.each(COMMANDS)("%s --help", (command) => {
  test("gives an example and no internals", async () => {
    const { code, stdout, stderr } = await runCli([...command.split(" "), "--help"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Example:\n`);
    expect(stdout).toMatch(new RegExp(`closing-bell ${command}( |$)`, "m"));
    expect(stdout).not.toMatch(/\{\}|undefined|object/);
  });
});

/** Names that scripts rely on. */
describe.each<{ command: string; flags: readonly string[] }>([
  { command: "run", flags: ["--gateway", "-j, --job", "-g, --grouping", "--json", "--quiet"] },
  { command: "run", flags: ["--run-id", "--settle"] },
  { command: "publish", flags: ["--gateway", "--settle", "--json", "--quiet"] },
  { command: "ledger show", flags: ["--json"] },
  { command: "ledger adopt", flags: ["--gateway", "-j, --job", "-g, --grouping", "--pending"] },
  { command: "ledger adopt", flags: ["--json", "--quiet"] },
  { command: "push", flags: ["--gateway", "-j, --job", "-g, --grouping", "--json", "--quiet"] },
  { command: "delete", flags: ["--gateway", "-j, --job", "-g, --grouping", "--json", "--quiet"] },
  { command: "demo", flags: ["--gateway", "--json", "--quiet", "--prices"] },
  { command: "doctor", flags: ["--gateway", "--prometheus", "--timeout", "--json", "--quiet"] },
  { command: "config show", flags: ["--gateway", "--config", "--origin", "--json"] },
  { command: "gateway", flags: ["--listen"] },
  { command: "serve", flags: ["--demo", "--listen"] },
])("$command has", ({ command, flags }) => {
  test(flags.join(" "), async () => {
    const { stdout } = await runCli([...command.split(" "), "--help"]);

    for (const flag of flags) expect(stdout).toContain(`\n  ${flag}`);
  });
});
