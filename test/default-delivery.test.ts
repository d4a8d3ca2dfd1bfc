import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { configuredRuns } from "../src/default-delivery.ts";
import { NO_GATEWAY } from "../src/default-gateway.ts";
import { type PushgatewayServer, startPushgateway } from "../src/pushgateway/server.ts";
import { createRunJob } from "../src/run/run-job.ts";
import { scrapeJob } from "./cli/scraped.ts";
import { type EndedCli, start } from "./cli/start-cli.ts";
import { freePort } from "./support/free-port.ts";
import { removeStateDirectories, stateDirectory } from "./support/state-directory.ts";

jest.setTimeout(90_000);

const LIBRARY = new URL("../dist/index.js", import.meta.url).href;

let gateway: PushgatewayServer;
let folder: string;
/** The ledger that the processes here share, and values that are shown at once. */
let shared: Readonly<Record<string, string>>;

beforeAll(async () => {
  gateway = await startPushgateway();
  shared = { CLOSING_BELL_STATE_DIR: stateDirectory(), CLOSING_BELL_SCRAPE_INTERVAL: "0" };
  folder = mkdtempSync(join(tmpdir(), "closing-bell-delivery-"));
  writeFileSync(join(folder, "bad.json"), '{ "gatway": {}, "jobs": { "nightly": { "mode": 1 } } }');
  writeFileSync(join(folder, "good.json"), '{ "jobs": { "nightly": { "mode": "paper" } } }');
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
  rmSync(folder, { recursive: true, force: true });
});

describe("runJob in a process of its own", () => {
  const cases: readonly {
    readonly name: string;
    readonly env: () => Promise<Readonly<Record<string, string>>>;
    readonly report: object;
  }[] = [
    {
      name: "with a gateway",
      env: async () => ({ PUSHGATEWAY_URL: gateway.url.href }),
      report: { status: "recorded", publication: { status: "published" } },
    },
    {
      name: "without one",
      env: async () => ({}),
      report: { status: "recorded", publication: { status: "waiting", reason: NO_GATEWAY } },
    },
    {
      name: "with a gateway that others publish to",
      env: async () => ({
        PUSHGATEWAY_URL: gateway.url.href,
        CLOSING_BELL_PUBLISH: "scheduled",
      }),
      report: { status: "recorded", publication: { status: "waiting" } },
    },
    {
      name: "with a gateway and no ledger",
      // In a group of its own: what is there, a ledger reports.
      env: async () => ({
        PUSHGATEWAY_URL: gateway.url.href,
        CLOSING_BELL_LEDGER: "none",
        CLOSING_BELL_CONFIG: join(folder, "good.json"),
      }),
      report: { status: "delivered", leftOut: ["batch_job_runs_total"] },
    },
    {
      name: "without a gateway and without a ledger",
      env: async () => ({ CLOSING_BELL_LEDGER: "none" }),
      report: { status: "disabled", reason: NO_GATEWAY },
    },
    {
      name: "with a gateway that shows another ledger's totals",
      env: async () => ({
        PUSHGATEWAY_URL: await othersGateway(),
        CLOSING_BELL_STATE_DIR: stateDirectory(),
      }),
      report: {
        status: "recorded",
        publication: { status: "refused", code: "ERR_LEDGER_MISMATCH" },
      },
    },
    {
      name: "with a gateway that is down",
      env: async () => ({ PUSHGATEWAY_URL: `http://127.0.0.1:${await freePort()}` }),
      report: { status: "recorded", publication: { status: "failed", code: "ERR_PUSH" } },
    },
    {
      name: "with a bad configuration file",
      env: async () => ({
        PUSHGATEWAY_URL: gateway.url.href,
        CLOSING_BELL_CONFIG: join(folder, "bad.json"),
      }),
      report: {
        status: "refused",
        code: "ERR_CONFIG",
        problems: [
          expect.stringContaining('unknown key "gatway"'),
          expect.stringContaining("jobs.nightly.mode must be one of"),
        ],
      },
    },
    {
      name: "with a configuration file that is not there",
      env: async () => ({ CLOSING_BELL_CONFIG: join(folder, "nowhere.json") }),
      report: { status: "refused", code: "ERR_CONFIG" },
    },
    {
      name: "with a bad gateway URL",
      // It concerns publishing alone.
      env: async () => ({ PUSHGATEWAY_URL: "gateway:9091" }),
      report: { status: "recorded" },
    },
  ];

  test.each(cases)("returns what the body returns $name", async ({ env, report }) => {
    const { code, stdout, stderr } = await script(
      `const value = await runJob(options, async () => { await null; return "of the body"; });
       console.log(value);`,
      await env(),
    );

    expect({ code, stderr: stderr.toString() }).toEqual({ code: 0, stderr: "" });
    const [told = "", value] = stdout.toString().split("\n");
    expect(JSON.parse(told)).toMatchObject(report);
    expect(value).toBe("of the body");
  });

  test.each(cases)("throws what the body throws $name", async ({ env, report }) => {
    const { code, stdout, stderr } = await script(
      `const own = new Error("own error of the body");
       try {
         await runJob(options, () => { throw own; });
       } catch (error) {
         console.log(error === own ? "the same" : "another");
         throw error;
       }`,
      await env(),
    );

    // What Node does with an error that nobody catches.
    expect(code).toBe(1);
    expect(stderr.toString()).toContain("own error of the body");
    const [told = "", same] = stdout.toString().split("\n");
    expect(JSON.parse(told)).toMatchObject(report);
    expect(same).toBe("the same");
  });

  test("logs the record, whole, when there can be no ledger", async () => {
    const { code, stdout, stderr } = await script(`await runJob(options, () => {});`, {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: join(folder, "bad.json"),
    });

    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({ status: "logged", code: "ERR_LEDGER_UNFIT" });
    expect(stderr.toString()).toMatch(/^\{"closing_bell_record":1,[^\n]*\}\n$/);
  });

  test("adds to the totals of the runs before it", async () => {
    const env = { PUSHGATEWAY_URL: gateway.url.href };
    const job = `{ ...options, job: "adding" }`;
    const body = `await runJob(${job}, ({ metrics }) => metrics.agentAnalysesTotal.inc(7));`;

    await script(body, env);
    await script(`${body}\n${body}`, env);

    expect(await scrapeJob(gateway.url, { job: "adding" })).toMatchObject({
      agent_analyses_total: 21,
      'batch_job_runs_total{outcome="succeeded"}': 3,
    });
  });

  test("is not ended by an onReport whose promise rejects", async () => {
    const { code, stderr } = await script(
      `const failing = async () => { throw new Error("logging is down"); };
       await runJob({ ...options, onReport: failing }, () => {});`,
      {},
    );
    expect({ code, stderr: stderr.toString() }).toEqual({ code: 0, stderr: "" });
  });

  test("finds closing-bell.json where it is started, and reports to the group it makes", async () => {
    const { code } = await script(
      `await runJob(options, () => { updatePortfolioMetrics({ totalValue: 7 }); });`,
      {
        PUSHGATEWAY_URL: gateway.url.href,
        CLOSING_BELL_CONFIG: join(folder, "good.json"),
      },
    );

    expect(code).toBe(0);
    expect(await scrapeJob(gateway.url, { job: "nightly", mode: "paper" })).toMatchObject({
      portfolio_total_value: 7,
    });
  });

  test("ends as soon as it has nothing more to do: no connection holds it", async () => {
    const { stdout } = await script(
      `await runJob(options, () => {});
       const ended = performance.now();
       process.on("exit", () => console.log(performance.now() - ended < 3000));`,
      { PUSHGATEWAY_URL: gateway.url.href },
    );

    expect(stdout.toString()).toMatch(/\ntrue\n$/);
  });
});

describe("the configuration of runs", () => {
  test("is read at the first use, and once", async () => {
    let reads = 0;
    const { runJob } = createRunJob(
      configuredRuns(() => {
        reads++;
        const env = { ...shared, PUSHGATEWAY_URL: gateway.url.href };
        return { env, cwd: folder, home: folder };
      }),
    );

    expect(reads).toBe(0);
    await runJob({ job: "first", announceStart: true }, () => {});
    await runJob({ job: "second" }, () => {});
    expect(reads).toBe(1);
  });

  test("may be mended while the process runs", async () => {
    let configPath = "bad.json";
    const { settleJob } = createRunJob(
      configuredRuns(() => ({
        env: { ...shared, PUSHGATEWAY_URL: gateway.url.href },
        cwd: folder,
        home: folder,
        configPath,
      })),
    );

    const before = await settleJob({ job: "mended" }, () => 1);
    configPath = "good.json";
    const after = await settleJob({ job: "mended" }, () => 2);

    expect(before).toMatchObject({ outcome: { value: 1 }, delivery: { status: "refused" } });
    expect(after).toMatchObject({ outcome: { value: 2 }, delivery: { status: "recorded" } });
  });

  test("puts the ledger below the home directory when it says nothing of it", async () => {
    const { settleJob } = createRunJob(
      configuredRuns(() => ({ env: {}, cwd: folder, home: folder })),
    );

    expect(await settleJob({ job: "at home" }, () => {})).toMatchObject({
      delivery: {
        status: "recorded",
        ledger: `file:${join(folder, ".local", "state", "closing-bell")}`,
        publication: { status: "waiting" },
      },
    });
  });
});

/** A program that uses the built library: it prints the report of its run as one line of JSON. */
function script(body: string, env: Readonly<Record<string, string>>): Promise<EndedCli> {
  const head = `
    import { runJob, updatePortfolioMetrics } from ${JSON.stringify(LIBRARY)};
    const told = ({ status, reason, leftOut, error }) =>
      ({ status, reason, leftOut, code: error?.code, problems: error?.problems });
    const onReport = ({ publication, ...report }) => {
      console.log(JSON.stringify({ ...told(report), publication: publication && told(publication) }));
    };
    const options = { job: "nightly", onReport };`;
  const args = ["--input-type=module", "--eval", `${head}\n${body}`];
  return start(process.execPath, args, {
    env: { ...shared, ...env },
    cwd: folder,
    input: "",
  }).ended;
}

/** The gateway, with totals of another ledger in the group of the runs here. */
async function othersGateway(): Promise<string> {
  const env = { PUSHGATEWAY_URL: gateway.url.href };
  const { code } = await script(`await runJob(options, () => {});`, env);
  expect(code).toBe(0);
  return gateway.url.href;
}
