import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { InvalidMetricError } from "../../src/errors.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import type { Delivery, RunReport } from "../../src/publish/delivery.ts";
import { runCommand } from "../../src/run/command.ts";

jest.setTimeout(90_000);

const JOB = { job: "x", hasTerminal: false };

/** What the command line itself cannot show; signals and streams are in test/cli/run.test.ts. */
describe("runCommand", () => {
  test.each<{
    name: string;
    command: readonly [string, ...string[]];
    run: { readonly end: object; readonly outcome: string; readonly exitCode: number };
  }>([
    {
      name: "a command that ends well",
      command: ["true"],
      run: { end: { type: "exited", code: 0 }, outcome: "succeeded", exitCode: 0 },
    },
    {
      name: "a command that fails",
      command: ["sh", "-c", "exit 3"],
      run: { end: { type: "exited", code: 3 }, outcome: "failed", exitCode: 3 },
    },
    {
      name: "a command that a signal ends, which nobody sent us",
      command: ["sh", "-c", "kill -KILL $$"],
      run: { end: { type: "signalled", signal: "SIGKILL" }, outcome: "failed", exitCode: 137 },
    },
    {
      name: "a command that is not there",
      command: ["no-such-command"],
      run: {
        end: { type: "not started", error: expect.objectContaining({ code: "ENOENT" }) },
        outcome: "failed",
        exitCode: 127,
      },
    },
    {
      name: "a command without a name, which spawn throws for",
      command: [""],
      run: {
        end: { type: "not started", error: expect.objectContaining({ name: "TypeError" }) },
        outcome: "failed",
        exitCode: 127,
      },
    },
    {
      name: "a path through a file, which spawn throws for",
      command: [`${process.execPath}/x`],
      run: {
        end: { type: "not started", error: expect.objectContaining({ code: "ENOTDIR" }) },
        outcome: "failed",
        exitCode: 126,
      },
    },
  ])("tells how it went: $name", async ({ command, run }) => {
    const { delivery, reports } = recordingDelivery();

    const result = await runCommand(command, JOB, { delivery });

    expect(result).toMatchObject(run);
    expect(result.durationSeconds).toBeGreaterThan(0);
    expect(reports.map(({ type }) => type)).toEqual(["start", "completion"]);
    const [start, completion] = reports;
    expect(start && valuesOf(start)).toEqual({
      batch_job_last_start_timestamp_seconds: expect.any(Number),
    });
    expect(completion).toMatchObject({ outcome: run.outcome, results: [] });
    expect(completion && valuesOf(completion)).toMatchObject({ batch_job_exit_code: run.exitCode });
  });

  test("reports to the group that the job catalogue and the flags make", async () => {
    const { delivery, reports } = recordingDelivery();
    const jobEntry = (job: string) =>
      job === "x" ? { mode: "paper" as const, labels: { desk: "rates" } } : undefined;

    await runCommand(["true"], { ...JOB, groupingKey: { region: "eu" } }, { delivery, jobEntry });

    const labels = { desk: "rates", mode: "paper", region: "eu" };
    expect(reports.map(({ groupingKey }) => groupingKey)).toEqual([
      { job: "x", labels },
      { job: "x", labels },
    ]);
  });

  test.each<{ name: string; delivery: Delivery; report: object }>([
    {
      name: "fails",
      delivery: () => Promise.reject(new Error("no way")),
      report: { status: "failed", error: expect.objectContaining({ message: "no way" }) },
    },
    {
      name: "throws",
      delivery: () => {
        throw new Error("no way");
      },
      report: { status: "failed", error: expect.objectContaining({ message: "no way" }) },
    },
    {
      name: "is refused",
      delivery: () => Promise.reject(new InvalidMetricError("rows", "is bad")),
      report: { status: "refused", error: expect.objectContaining({ code: "ERR_METRIC" }) },
    },
    {
      name: "never comes back",
      delivery: () => new Promise(() => {}),
      report: {
        status: "failed",
        error: expect.objectContaining({ message: expect.stringContaining("50 ms") }),
      },
    },
  ])("keeps the exit code when the report $name", async ({ delivery, report }) => {
    const dependencies = { delivery, reportingTimeoutMs: 50 };

    const result = await runCommand(["sh", "-c", "exit 3"], JOB, dependencies);

    expect(result).toMatchObject({ exitCode: 3, outcome: "failed", delivery: report });
  });

  test("runs the command when the job catalogue cannot be read", async () => {
    const { delivery, reports } = recordingDelivery();
    const jobEntry = () => {
      throw new Error("unreadable");
    };

    const result = await runCommand(["true"], JOB, { delivery, jobEntry });

    expect(result).toMatchObject({ exitCode: 0, delivery: { status: "failed" } });
    expect(reports).toEqual([]);
  });

  test("reports what the command left in its metrics file, and names what it could not", async () => {
    const { delivery, reports } = recordingDelivery();
    const text = "# TYPE rows_total counter\nrows_total 3\n# TYPE q summary\nq_count 1\n";
    const write = ["sh", "-c", `printf '${text}' > "$CLOSING_BELL_METRICS_FILE"; exit 3`] as const;

    const { delivery: report } = await runCommand(write, JOB, { delivery });

    expect(reports[1]).toMatchObject({
      results: [
        { name: "closing_bell_refused_updates_total", samples: [{ value: 1 }] },
        { type: "counter", name: "rows_total", samples: [{ value: 3 }] },
      ],
    });
    expect(report.refusals).toEqual([expect.stringMatching(/^metrics file: metric q: is a summ/)]);
  });

  test("refuses the report, not the command, when its trading metrics have no mode", async () => {
    const { delivery, reports } = recordingDelivery();
    const text = "# TYPE daily_pnl gauge\ndaily_pnl 3\n";
    const write = ["sh", "-c", `printf '${text}' > "$CLOSING_BELL_METRICS_FILE"`] as const;

    const result = await runCommand(write, JOB, { delivery });

    expect(result).toMatchObject({ exitCode: 0, delivery: { status: "refused" } });
    expect(reports.map(({ type }) => type)).toEqual(["start"]);
  });

  test("leaves nothing of the metrics file behind", async () => {
    const { delivery } = recordingDelivery();
    const note = join(mkdtempSync(join(tmpdir(), "closing-bell-note-")), "note");
    const write = `touch "$CLOSING_BELL_METRICS_FILE"; echo "$CLOSING_BELL_METRICS_FILE" > ${note}`;

    await runCommand(["sh", "-c", write], JOB, { delivery });

    const path = readFileSync(note, "utf8").trim();
    rmSync(dirname(note), { recursive: true });
    expect(path).toMatch(/^\/.*\/metrics\.prom$/);
    expect(existsSync(dirname(path))).toBe(false);
  });

  test.each([true, false])(
    "leaves no signal handler behind (terminal: %s)",
    async (hasTerminal) => {
      const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
      const handlers = () => signals.map((signal) => process.listenerCount(signal));
      const before = handlers();
      const { delivery } = recordingDelivery();

      for (const command of ["true", "no-such-command", ""]) {
        await runCommand([command], { job: "x", hasTerminal }, { delivery });
      }

      expect(handlers()).toEqual(before);
    },
  );
});

/** Takes everything and keeps it. */
function recordingDelivery() {
  const reports: RunReport[] = [];
  const delivery: Delivery = async (report) => {
    reports.push(report);
    return { status: "disabled", reason: "kept" };
  };
  return { delivery, reports };
}

/** Values of the status families that have no labels. */
function valuesOf(report: RunReport): Readonly<Record<string, number>> {
  const status = report.type === "late" ? [] : report.status;
  return Object.fromEntries(status.flatMap(plainValues));
}

function plainValues(family: MetricFamily): readonly (readonly [string, number])[] {
  if (family.type === "histogram" || family.type === "summary") return [];
  return family.samples
    .filter(({ labels }) => Object.keys(labels).length === 0)
    .map(({ value }) => [family.name, value] as const);
}
