import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { scrapeJob } from "./scraped.ts";
import { PROGRAM, start } from "./start-cli.ts";

jest.setTimeout(90_000);

/** util-linux's `script` gives a command a terminal of its own; on other systems it is another one. */
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes(
  "util-linux",
);

let gateway: PushgatewayServer;

beforeAll(async () => {
  gateway = await startPushgateway();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  const url = new URL("/metrics/job/asked", gateway.url);
  await fetch(url, { method: "PUT", body: "rows 1\n" });
});

(hasScript ? describe : describe.skip)("at a terminal", () => {
  const DELETE = { command: "delete", question: "Delete" };
  const REMOVE = { command: "groups rm", question: "Remove" };
  const COMMANDS = [DELETE, REMOVE];

  test.each<(typeof COMMANDS)[number] & { answer: string; isDone: boolean }>([
    { ...DELETE, answer: "y", isDone: true },
    { ...DELETE, answer: "", isDone: false },
    { ...REMOVE, answer: "Yes", isDone: true },
    { ...REMOVE, answer: "yo", isDone: false },
  ])(
    "$command asks, and takes $answer for $isDone",
    async ({ command, question, answer, isDone }) => {
      const terminal = openTerminal(command);
      await terminal.printed(new RegExp(`${question} \\{job="asked"\\} at .*\\? \\[y/N\\] `));
      terminal.stdin.write(`${answer}\n`);

      const { code, stdout } = await terminal.ended;

      expect(code).toBe(isDone ? 0 : 1);
      expect(stdout.toString()).toMatch(isDone ? /deleted|removed/ : /nothing was/);
      expect((await scrapeJob(gateway.url, { job: "asked" }))["rows"]).toBe(isDone ? undefined : 1);
    },
  );

  test.each(COMMANDS)("$command takes the end of the input for a no", async ({ command }) => {
    const terminal = openTerminal(command);
    await terminal.printed(/\[y\/N\] /);
    terminal.stdin.write("\u0004");
    expect((await terminal.ended).code).toBe(1);
    expect((await scrapeJob(gateway.url, { job: "asked" }))["rows"]).toBe(1);
  });

  test.each(COMMANDS)("$command ends on Ctrl-C, and has done nothing", async ({ command }) => {
    const terminal = openTerminal(command);
    await terminal.printed(/\[y\/N\] /);
    terminal.stdin.write("\u0003");
    expect((await terminal.ended).code).toBe(130);
    expect((await scrapeJob(gateway.url, { job: "asked" }))["rows"]).toBe(1);
  });

  test.each(COMMANDS)("$command does not ask with --yes", async ({ command }) => {
    const { code, stdout } = await openTerminal(`${command} --yes`).ended;
    expect(code).toBe(0);
    expect(stdout.toString()).not.toContain("[y/N]");
  });

  test("prune never asks", async () => {
    const { code, stdout } = await openTerminal("prune --older-than 1ms").ended;
    expect(code).toBe(0);
    expect(stdout.toString()).toContain("nothing was removed, --yes removes them");
  });
});

function openTerminal(command: string) {
  // exec: a shell in between would get the Ctrl-C too.
  const run = `exec "$NODE" "$PROGRAM" ${command} -j asked`;
  return start("script", ["--quiet", "--return", "--command", run, "/dev/null"], {
    env: { NODE: process.execPath, PROGRAM, PUSHGATEWAY_URL: gateway.url.href },
  });
}
