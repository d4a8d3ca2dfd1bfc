import { describe, expect, test } from "@jest/globals";
import { runCli } from "../support/cli.ts";

const CLEAN =
  "# HELP rows_read_total Rows read.\n# TYPE rows_read_total counter\nrows_read_total 7\n";

describe("check", () => {
  test("says nothing on standard output and exits 0 when there is nothing to say", async () => {
    const { code, stdout, stderr } = await runCli(["check", "-"], { input: CLEAN });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/^closing-bell: 1 metric families, 0 findings \(promtool .*\)\n$/);
  });

  test("prints a line per finding and exits 3", async () => {
    const input = "# HELP latency_ms x\n# TYPE latency_ms counter\nlatency_ms 7\n";
    const { code, stdout } = await runCli(["check"], { input });
    expect(code).toBe(3);
    expect(stdout).toBe(
      'latency_ms: counter metrics should have "_total" suffix\n' +
        "latency_ms: metric names should not contain abbreviated units\n",
    );
  });

  test("finds what push would refuse", async () => {
    const input = "# HELP a x\n# TYPE a gauge\na 1 1700000000000\n";
    const { code, stdout } = await runCli(["check"], { input });
    expect(code).toBe(3);
    expect(stdout).toContain("a: push would refuse it: the series {} has a timestamp");
  });

  test("prints JSON for programs", async () => {
    const { code, stdout } = await runCli(["check", "--json"], { input: "up 1\n" });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [{ metric: "up", problem: "no help text" }],
    });
  });

  test("--quiet leaves it to the exit code", async () => {
    const quiet = await runCli(["check", "--quiet"], { input: "up 1\n" });
    expect(quiet).toMatchObject({ code: 3, stdout: "", stderr: "" });
  });

  test.each([
    { name: "text that is no exposition", args: ["check"], input: "hello world\n" },
    { name: "text that ends in the middle of a line", args: ["check"], input: "up 1" },
    { name: "a file that is not there", args: ["check", "/nonexistent/metrics"], input: "" },
  ])("$name is bad input: 2", async ({ args, input }) => {
    const { code, stdout, stderr } = await runCli(args, { input });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^closing-bell: /);
  });
});
