import { afterAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { runCli } from "../support/cli.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";
import { startCli } from "./start-cli.ts";

jest.setTimeout(90_000);

afterAll(removeStateDirectories);

const RUNS = 'batch_job_runs_total{outcome="succeeded"}';

let directory: string;
let env: Readonly<Record<string, string>>;
beforeEach(() => {
  directory = stateDirectory();
  env = { CLOSING_BELL_STATE_DIR: directory };
});

const run = (job: string) => runCli(["run", "-j", job, "--", "true"], { env });

async function startServer() {
  const cli = startCli(["serve", "--ledger", "--listen", "127.0.0.1:0"], { env });
  const [, address = ""] = await cli.printed(/at (http:\S+\/metrics); /);
  return { cli, url: new URL(address) };
}

test("serve --ledger shows each run at the next scrape, from 0, over a restart and beside another server", async () => {
  const { cli, url } = await startServer();
  expect(await scrapeJob(url, { job: "nightly" })).toEqual({});
  await run("nightly");
  expect(await scrapeJob(url, { job: "nightly" })).toMatchObject({
    [RUNS]: 0,
    batch_job_exit_code: 0,
  });
  expect((await scrapeJob(url, { job: "nightly" }))[RUNS]).toBe(1);
  await run("nightly");

  const other = await startServer();
  for (const each of [other.url, url]) {
    expect((await scrapeJob(each, { job: "nightly" }))[RUNS]).toBe(2);
  }
  cli.kill("SIGTERM");
  const { code, stdout, stderr } = await cli.ended;
  expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: "" });
  expect(stderr.toString()).toBe(
    `closing-bell: totals of file:${directory} at ${url.href}; scrape it with honor_labels: true\n`,
  );
  const again = await startServer();
  expect((await scrapeJob(again.url, { job: "nightly" }))[RUNS]).toBe(2);
  for (const each of [again, other]) each.cli.kill("SIGINT");
  await Promise.all([again.cli.ended, other.cli.ended]);
});

test("serve --ledger of an empty ledger says of itself that it lacks nothing", async () => {
  const { cli, url } = await startServer();
  const [own, ...others] = parseExposition(await (await fetch(url)).text());
  cli.kill("SIGTERM");
  await cli.ended;
  expect(own?.name).toBe("closing_bell_ledger_scrape_errors_total");
  expect(own?.samples).toHaveLength(4);
  for (const sample of own?.samples ?? []) expect(sample).toMatchObject({ value: 0 });
  expect(others).toEqual([]);
});

describe("serve refuses, with 2 and one line,", () => {
  test.each<{ name: string; args: readonly string[]; env?: Record<string, string>; says: string }>([
    { name: "to serve nothing", args: [], says: "serve takes --ledger" },
    { name: "to serve both", args: ["--ledger", "--demo"], says: "serve takes --ledger" },
    {
      name: "a ledger that there is not",
      args: ["--ledger"],
      env: { CLOSING_BELL_LEDGER: "none" },
      says: "there is no ledger",
    },
  ])("$name", async ({ args, env: others = {}, says }) => {
    const result = await runCli(["serve", ...args], { env: others });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
    expect(result.stderr).toContain(says);
  });
});

test("serve --ledger says at once that its place is unfit", async () => {
  const result = await runCli(["serve", "--ledger", "--listen", "127.0.0.1:0"], {
    env: { CLOSING_BELL_STATE_DIR: "/dev/null" },
  });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n$/);
});
