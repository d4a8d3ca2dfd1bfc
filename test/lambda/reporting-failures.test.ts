import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { configuredRuns } from "../../src/default-delivery.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { replay } from "../../src/ledger/replay.ts";
import { trackTrade } from "../../src/metrics/trading.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { contextOf, startFunction, totals } from "./lambda-functions.ts";

afterAll(removeStateDirectories);

const KEY = groupingKey("nightly");

describe("a report that fails is one line for CloudWatch, and never the job's", () => {
  test("with a configuration that cannot be read", async () => {
    const env = { CLOSING_BELL_CONFIG: "/nowhere/closing-bell.json" };
    const { reportingHandler, failures, time } = startFunction(
      configuredRuns(() => ({ env, cwd: "/" })),
    );
    const handler = reportingHandler({ job: "nightly" }, () => "mine");
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(failures()).toMatchObject([
      {
        status: "refused",
        error: expect.stringContaining("/nowhere/closing-bell.json"),
        requestId: "r-1",
      },
    ]);
  });

  test("with a ledger that is down: the log has the record whole, and replay counts it", async () => {
    const directory = stateDirectory();
    const real = join(directory, "real");
    await mkdir(real, { mode: 0o700, recursive: true });
    await symlink(real, join(directory, "link"));
    const down = createFileLedger({ directory: join(directory, "link") });
    const { reportingHandler, records, failures, time } = startFunction({ ledger: down });
    const handler = reportingHandler({ job: "nightly" }, (_event, _context, { metrics }) => {
      metrics.agentAnalysesTotal.inc(3);
      return "mine";
    });
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(failures()).toMatchObject([{ status: "logged", job: "nightly", requestId: "r-1" }]);
    const ledger = createFileLedger({ directory: real });
    await replay(records, ledger);
    expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 3 });
  });

  test("with trading families and no mode", async () => {
    const { reportingHandler, ledger, failures, time } = startFunction();
    const handler = reportingHandler({ job: "nightly" }, () => {
      trackTrade({ ticker: "AAPL", side: "BUY" });
      return "mine";
    });
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
    expect(failures()).toMatchObject([
      { status: "refused", error: expect.stringContaining("set trades_total without a mode") },
    ]);
    expect(await ledger.groups()).toEqual([]);
  });

  test.each<{ name: string; delivery: () => Promise<never> }>([
    { name: "throws", delivery: () => Promise.reject(new Error("broken")) },
    {
      name: "resolves to nothing",
      delivery: (async () => undefined) as unknown as () => Promise<never>,
    },
  ])("with a delivery that $name, and a log that is closed", async ({ delivery }) => {
    const log = () => {
      throw new Error("closed");
    };
    const { reportingHandler, time } = startFunction({ delivery, log });
    const handler = reportingHandler({ job: "nightly" }, () => "mine");
    expect(await handler({}, contextOf(time, 3000))).toBe("mine");
  });
});
