import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { scrape, scrapeJob } from "../cli/scraped.ts";
import { runCli } from "../support/cli.ts";
import {
  describeWithServer,
  type RealPushgateway,
  startRealPushgateway,
} from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

describeWithServer("pushgateway")("beside the real Pushgateway", () => {
  let gateway: RealPushgateway;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    gateway = await startRealPushgateway();
    env = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: stateDirectory(),
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    };
  });

  afterAll(async () => {
    await gateway.stop();
    removeStateDirectories();
  });

  test("a run that fails keeps the last success, and its own exit code", async () => {
    const args = ["run", "-j", "nightly", "-g", "strategy=a/b ü", "--", "sh", "-c"];
    const group = { job: "nightly", strategy: "a/b ü" };

    const first = await runCli([...args, "exit 0"], { env });
    const succeeded = await scrapeJob(gateway.url, group);
    const second = await runCli([...args, "exit 3"], { env });
    const failed = await scrapeJob(gateway.url, group);

    expect([first.code, second.code]).toEqual([0, 3]);
    const lastSuccess = succeeded["batch_job_last_success_timestamp_seconds"];
    expect(lastSuccess).toBeGreaterThan(1.7e9);
    expect(failed).toMatchObject({
      batch_job_exit_code: 3,
      'batch_job_runs_total{outcome="failed"}': 1,
      'batch_job_runs_total{outcome="succeeded"}': 1,
      batch_job_last_success_timestamp_seconds: lastSuccess,
      push_failure_time_seconds: 0,
    });
  });

  test("what prom-client writes is pushed as it is", async () => {
    const registry = new Registry();
    const registers = [registry];
    new Gauge({ name: "rows", help: 'Rows, "quoted"\nand more.', labelNames: ["tag"], registers })
      .labels('a/b "c" \\ ü')
      .set(7.5);
    new Counter({ name: "imports_total", help: "Imports.", registers }).inc(3);
    new Histogram({ name: "took_seconds", help: "Time.", buckets: [0.1, 1], registers }).observe(
      0.5,
    );

    const result = await runCli(["push", "-j", "import", "-g", "region=eu", "--quiet"], {
      env,
      input: await registry.metrics(),
    });

    expect(result).toMatchObject({ code: 0, stderr: "" });
    const labels = { instance: "", job: "import", region: "eu" };
    const stored = (await scrape(gateway.url)).filter(({ name }) =>
      ["rows", "imports_total", "took_seconds"].includes(name),
    );
    expect(stored).toEqual([
      {
        name: "imports_total",
        type: "counter",
        help: "Imports.",
        samples: [{ labels, value: 3 }],
      },
      {
        name: "rows",
        type: "gauge",
        help: 'Rows, "quoted"\nand more.',
        samples: [{ labels: { ...labels, tag: 'a/b "c" \\ ü' }, value: 7.5 }],
      },
      expect.objectContaining({
        name: "took_seconds",
        type: "histogram",
        samples: [expect.objectContaining({ labels, count: 1, sum: 0.5 })],
      }),
    ]);
  });

  test("the demo's claims hold", async () => {
    const { code, stdout } = await runCli(["demo", "--json"], { env });

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      gateway: { url: gateway.url.origin, embedded: false },
    });
  });

  test("what delete removes is gone", async () => {
    await runCli(["push", "-j", "gone", "-g", "desk=a/b"], { env, input: "a 1\n" });
    await runCli(["push", "-j", "gone"], { env, input: "a 1\n" });

    const { code } = await runCli(["delete", "-j", "gone", "-g", "desk=a/b"], { env });
    // The gateway answers a delete before it does it, and does all in order: a push is waited for.
    await runCli(["push", "-j", "after"], { env, input: "a 1\n" });

    expect(code).toBe(0);
    expect(await scrapeJob(gateway.url, { job: "gone", desk: "a/b" })).toEqual({});
    expect((await scrapeJob(gateway.url, { job: "gone" }))["a"]).toBe(1);
  });

  test("the scrape of all that was pushed is sound: every group was taken and none failed", async () => {
    const families = await scrape(gateway.url);

    const failures = families.find(({ name }) => name === "push_failure_time_seconds");
    expect(failures?.samples.length).toBeGreaterThanOrEqual(3);
    expect(failures?.samples).toEqual(
      failures?.samples.map(({ labels }) => ({ labels, value: 0 })),
    );
  });
});
