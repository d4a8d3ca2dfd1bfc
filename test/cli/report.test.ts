import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { scrapeJob } from "./scraped.ts";
import { startCli } from "./start-cli.ts";

jest.setTimeout(90_000);

const SECRET = "opensesame";

let gateway: PushgatewayServer;
/** The application: an account and a kill switch. */
let bot: TestServer;
/** One ledger: a second one would be refused its group at the gateway. */
let state: string;

beforeAll(async () => {
  state = stateDirectory();
  gateway = await startPushgateway({});
  bot = await serve(({ url = "", headers }, response) => {
    if (headers.authorization !== `Bearer ${SECRET}`) response.writeHead(401).end(SECRET);
    else if (url === "/account") response.end('{"total":"1000.50","cash":250}');
    else if (url === "/halted") response.end('{"halted":false}');
    else response.writeHead(500).end(`${SECRET} is broken`);
  });
});

afterAll(async () => {
  await gateway.close();
  await bot.close();
  removeStateDirectories();
});

describe("says what is wrong with the call, and exits with 2:", () => {
  test.each<{ name: string; args?: string[]; content?: object; says: RegExp }>([
    {
      name: "no sources",
      content: {},
      says: /nothing to report: closing-bell\.json names no sources/,
    },
    { name: "no gateway", says: /no gateway is configured: set PUSHGATEWAY_URL/ },
    { name: "too often", args: ["--every", "10ms"], says: /--every 10ms: expected 1000ms or more/ },
    { name: "never", args: ["--every", "30d"], says: /--every 30d: expected 24d or less/ },
    {
      name: "no period",
      args: ["--every", "nonsense"],
      says: /--every nonsense: expected a duration/,
    },
    { name: "a period of 0", args: ["--every", "0"], says: /--every 0: expected 1000ms or more/ },
    { name: "an unknown flag", args: ["--evry", "60s"], says: /unknown option '--evry'/ },
  ])("$name", async ({ args = [], content, says }) => {
    const { code, stdout, stderr } = await report(args, { content, env: { TOKEN: SECRET } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
  });

  test("every secret that is missing", async () => {
    const { code, stderr } = await report(["--gateway", gateway.url.href], { env: {} });
    expect(code).toBe(2);
    expect(stderr).toContain("sources.portfolio.token: the environment variable TOKEN is not set");
    expect(stderr).toContain(
      "sources.probes.killSwitch.value.token: the environment variable TOKEN",
    );
  });
});

describe("one look", () => {
  test("says in one line that all is well; with --quiet nothing", async () => {
    const loud = await report([], { env: reaching() });
    expect(loud).toMatchObject({
      ...{ code: 0, stdout: "" },
      stderr: "closing-bell: reported 10 series of 2 sources\n",
    });
    const quiet = await report(["--quiet"], { env: reaching() });
    expect(quiet).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const shown = await scrapeJob(gateway.url, { job: "portfolio_reporter", mode: "paper" });
    expect(shown).toMatchObject({ portfolio_total_value: 1000.5, kill_switch_status: 0 });
  });

  test("with --json is one line of plain values, and nothing else", async () => {
    const { code, stdout, stderr } = await report(["--json"], { env: reaching() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const seconds = expect.any(Number);
    expect(JSON.parse(stdout)).toEqual({
      sources: [
        {
          ...{ source: "portfolio", seconds, status: "read" },
          value: { equity: 1000.5, cash: 250 },
        },
        { source: "kill_switch", seconds, status: "read", value: false },
      ],
      figures: {
        ...{ totalValue: 1000.5, cash: 250, dailyPnl: 0 },
        ...{ currentDrawdownPct: 0, maxDrawdownPct: 0 },
      },
      push: { status: "delivered", series: 10 },
      publications: [
        expect.objectContaining({
          groupingKey: { job: "closing_bell_reporter", labels: {} },
          status: "published",
        }),
      ],
      pruned: [],
      problems: [],
    });
  });

  test("names what is unknown, --quiet or not, and exits with 1", async () => {
    const content = configured("/account", "/broken");
    for (const flags of [[], ["--quiet"], ["--json"]]) {
      const { code, stdout, stderr } = await report(flags, { content, env: reaching() });
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/unknown: kill_switch: .*500/);
      expect(stdout + stderr).not.toContain(SECRET);
    }
  });

  test("fails when the figures do not arrive, without the gateway's password", async () => {
    const url = new URL(bot.url);
    url.username = "bell";
    url.password = SECRET;
    const env = { ...reaching(), PUSHGATEWAY_URL: url.href };
    for (const flags of [["--quiet"], ["--json"]]) {
      const { code, stdout, stderr } = await report(flags, { env });
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/not reported: .*401/);
      expect(stdout + stderr).not.toContain(SECRET);
    }
  });

  test("arrives though there is no place for a ledger, which is told", async () => {
    const env = { ...reaching(), CLOSING_BELL_STATE_DIR: "/proc/nowhere" };
    const { code, stderr } = await report(["--quiet"], { env });
    expect(code).toBe(0);
    expect(stderr).toContain("drawdown and return are unknown: ");
    expect(stderr).toContain("nothing was published: ");
    expect(stderr).toContain("the reporter's own run was not recorded (logged)");
  });

  test("removes dead groups of listed jobs, which --quiet does not tell", async () => {
    const old = new URL("/metrics/job/backtest/run/1", gateway.url);
    const content = { ...configured(), prune: { olderThanDays: 1e-9, jobs: ["backtest"] } };
    await fetch(old, { method: "PUT", body: "rows 7\n" });
    const loud = await report([], { content, env: reaching() });
    expect(loud.stderr).toContain(
      'closing-bell: {job="backtest",run="1"}  removed, nobody reports to it\n',
    );
    await fetch(old, { method: "PUT", body: "rows 7\n" });
    const quiet = await report(["--quiet"], { content, env: reaching() });
    expect(quiet).toMatchObject({ code: 0, stderr: "" });
    expect(await scrapeJob(gateway.url, { job: "backtest", run: "1" })).toEqual({});
  });
});

test("--every goes on when a look fails, and ends with a signal and 0", async () => {
  const { cwd, env } = placed({ content: configured("/account", "/broken"), env: reaching() });
  const cli = startCli(["report", "--every", "1s"], { cwd, env });
  await cli.printed(/unknown: kill_switch(?:.|\n)*unknown: kill_switch/);
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
});

/** Sources at these paths of the application. */
function configured(account = "/account", halted = "/halted") {
  const at = (path: string) => ({
    ...{ type: "http", url: new URL(path, bot.url).href, token: { env: "TOKEN" } },
  });
  return {
    sources: {
      mode: "paper",
      portfolio: { ...at(account), fields: { equity: "total", cash: "cash" } },
      probes: { killSwitch: { value: { ...at(halted), path: "halted" } } },
    },
  };
}

type Place = {
  readonly content?: object | undefined;
  readonly env: Readonly<Record<string, string>>;
};

function placed({ content = configured(), env }: Place) {
  const cwd = stateDirectory();
  mkdirSync(cwd);
  writeFileSync(join(cwd, "closing-bell.json"), JSON.stringify(content));
  return { cwd, env: { CLOSING_BELL_STATE_DIR: state, ...env } };
}

function report(args: readonly string[], place: Place) {
  return runCli(["report", ...args], placed(place));
}

function reaching(): Readonly<Record<string, string>> {
  return { TOKEN: SECRET, PUSHGATEWAY_URL: gateway.url.href, CLOSING_BELL_SCRAPE_INTERVAL: "0" };
}
