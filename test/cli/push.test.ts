import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { type RequestHandler, serve } from "../support/http-server.ts";
import { scrape, scrapeJob } from "./scraped.ts";

jest.setTimeout(90_000);

let gateway: PushgatewayServer;
let env: Readonly<Record<string, string>>;
let folder: string;

beforeAll(async () => {
  gateway = await startPushgateway();
  env = { PUSHGATEWAY_URL: gateway.url.href };
  folder = mkdtempSync(join(tmpdir(), "closing-bell-push-"));
});

afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("push stores", () => {
  test("what is piped in, under the labels that it has and the group's", async () => {
    const input = [
      "# HELP rows Rows \\\\ by tag.",
      "# TYPE rows gauge",
      'rows{tag="a/b",note="say \\"hi\\" \\\\ ü"} 7',
      "plain 1e-3",
      "",
    ].join("\n");

    const { code, stdout, stderr } = await runCli(
      ["push", "-j", "import", "-g", "path=x/y z", "-g", "none="],
      { env, input },
    );

    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe(
      `closing-bell: 2 series accepted for {job="import",none="",path="x/y z"} at ${gateway.url.origin}\n`,
    );
    const families = await scrape(gateway.url);
    const group = { instance: "", job: "import", none: "", path: "x/y z" };
    expect(families.find(({ name }) => name === "rows")).toEqual({
      name: "rows",
      type: "gauge",
      help: "Rows \\ by tag.",
      samples: [{ labels: { ...group, tag: "a/b", note: 'say "hi" \\ ü' }, value: 7 }],
    });
    expect(families.find(({ name }) => name === "plain")?.samples).toEqual([
      { labels: group, value: 0.001 },
    ]);
  });

  test("what is in a file, byte for byte", async () => {
    const text = '# a comment\nrows{tag="a/b"}    7\nüber 1\n'.replace("über", "uber");
    const file = join(folder, "rows.prom");
    writeFileSync(file, text);
    const server = await serve((_request, response) => response.end());

    const { code } = await runCli(["push", "-j", "import", "--gateway", server.url.href, file]);

    await server.close();
    expect(code).toBe(0);
    expect(server.requests).toEqual([
      expect.objectContaining({
        method: "PUT",
        path: "/metrics/job/import",
        body: Buffer.from(text),
      }),
    ]);
  });

  test("the whole group with put, and only what is given with post", async () => {
    const push = (input: string, ...args: string[]) =>
      runCli(["push", "-j", "methods", "--quiet", ...args], { env, input });
    const stored = async () => {
      const { push_time_seconds, push_failure_time_seconds, ...values } = await scrapeJob(
        gateway.url,
        { job: "methods" },
      );
      return values;
    };

    await push("a 1\nb 1\n");
    await push("b 2\n", "--method", "post");
    expect(await stored()).toEqual({ a: 1, b: 2 });
    await push("c 3\n", "--method", "put");
    expect(await stored()).toEqual({ c: 3 });
  });
});

describe("push and delete say", () => {
  test("what was done as JSON", async () => {
    const args = ["-j", "json", "-g", "desk=a/b", "--json"];
    const pushed = await runCli(["push", "--method", "post", ...args], { env, input: "a 1\n" });
    const deleted = await runCli(["delete", ...args], { env });

    const key = { job: "json", labels: { desk: "a/b" } };
    expect(pushed).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(pushed.stdout)).toMatchObject({
      status: "accepted",
      method: "post",
      gateway: gateway.url.origin,
      key,
      series: 1,
      attempts: 1,
    });
    expect(deleted).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(deleted.stdout)).toMatchObject({ gateway: gateway.url.origin, key });
  });

  test("nothing with --quiet", async () => {
    const silent = { code: 0, stdout: "", stderr: "" };
    const input = "# TYPE a_total counter\na_total 1\n";

    expect(await runCli(["push", "-j", "q", "--quiet"], { env, input })).toMatchObject(silent);
    expect(await runCli(["delete", "-j", "q", "--quiet"], { env })).toMatchObject(silent);
  });

  test("once, of all counters, that a gateway does not add", async () => {
    const input = [
      "# TYPE a_total counter",
      'a_total{x="1"} 1',
      'a_total{x="2"} 1',
      "# TYPE h histogram",
      'h_bucket{le="+Inf"} 1',
      "h_sum 1",
      "h_count 1",
      "# TYPE g gauge",
      "g 1",
      "",
    ].join("\n");

    const { code, stderr } = await runCli(["push", "-j", "counters"], { env, input });

    expect(code).toBe(0);
    const [warning, done, ...rest] = stderr.split("\n");
    expect(warning).toMatch(/^closing-bell: a_total, h: a pushed counter is stored as given/);
    expect(done).toMatch(/^closing-bell: 6 series accepted/);
    expect(rest).toEqual([""]);
  });

  test("that the gateway did not check what it took", async () => {
    const server = await serve((_request, response) => response.writeHead(202).end());

    const { code, stderr } = await runCli(["push", "-j", "x", "--gateway", server.url.href], {
      input: "a 1\n",
    });

    await server.close();
    expect(code).toBe(0);
    expect(stderr).toContain("unchecked");
  });
});

test("delete removes exactly the group that is named, and one that is not there is no error", async () => {
  const stored = async (group: Readonly<Record<string, string>>) =>
    (await scrapeJob(gateway.url, { job: "gone", ...group }))["a"];
  for (const group of [[], ["-g", "desk=a/b"]]) {
    await runCli(["push", "-j", "gone", ...group], { env, input: "a 1\n" });
  }

  const first = await runCli(["delete", "-j", "gone", "-g", "desk=a/b"], { env });
  expect(first).toMatchObject({
    code: 0,
    stdout: "",
    stderr: `closing-bell: deleted {job="gone",desk="a/b"} at ${gateway.url.origin}\n`,
  });
  expect(await stored({ desk: "a/b" })).toBeUndefined();
  expect(await stored({})).toBe(1);

  expect(await runCli(["delete", "-j", "gone", "-g", "desk=a/b"], { env })).toMatchObject({
    code: 0,
  });
});

describe("exit code 2, and nothing is sent, for", () => {
  test.each<{ name: string; args: readonly string[]; input?: string | Buffer; says: string }>([
    { name: "push without a job", args: ["push"], says: "-j, --job <name>" },
    { name: "push with an empty job", args: ["push", "-j", ""], says: "job is empty" },
    { name: "delete without a job", args: ["delete"], says: "-j, --job <name>" },
    { name: "delete with an empty job", args: ["delete", "-j", ""], says: "job is empty" },
    {
      name: "push with the grouping label le",
      args: ["push", "-j", "x", "-g", "le=1"],
      says: "label le",
    },
    {
      name: "delete with a grouping label that is none",
      args: ["delete", "-j", "x", "-g", "a-b=1"],
      says: '"a-b" is not usable',
    },
    {
      name: "push with an unknown method",
      args: ["push", "-j", "x", "--method", "patch"],
      says: "--method patch: expected put or post",
    },
    {
      name: "a counter that is no number",
      args: ["push", "-j", "x"],
      input: "# TYPE a_total counter\na_total NaN\n",
      says: "metric a_total: ",
    },
    {
      name: "a counter below zero",
      args: ["push", "-j", "x"],
      input: "# TYPE a_total counter\na_total -1\n",
      says: "metric a_total: ",
    },
    {
      name: "a timestamp",
      args: ["push", "-j", "x"],
      input: "a 1 1700000000000\n",
      says: "metric a",
    },
    {
      name: "a label that the group has",
      args: ["push", "-j", "x", "-g", "tag=1"],
      input: 'a{tag="2"} 1\n',
      says: "label tag is also a grouping label",
    },
    {
      name: "text that is no metrics, with the line",
      args: ["push", "-j", "x"],
      input: "a 1\n<html>\n",
      says: "line 2",
    },
    {
      name: "a last line that was cut off",
      args: ["push", "-j", "x"],
      input: 'a{tag="b',
      says: "line 1",
    },
    {
      name: "bytes that are no UTF-8",
      args: ["push", "-j", "x"],
      input: Buffer.from('a{tag="\xff"} 1\n', "latin1"),
      says: "standard input cannot be read: ",
    },
    {
      name: "no metrics at all, as of a producer that broke",
      args: ["push", "-j", "x"],
      input: "",
      says: "holds no metrics; to remove a group, use closing-bell delete",
    },
    {
      name: "a file that is not there",
      args: ["push", "-j", "x", "/no/such/file"],
      says: "/no/such/file cannot be read: ENOENT",
    },
    {
      name: "two files",
      args: ["push", "-j", "x", "a", "b"],
      says: "too many arguments",
    },
    { name: "an unknown flag", args: ["push", "-j", "x", "--jsn"], says: "unknown option '--jsn'" },
  ])("$name", async ({ args, input = "a 1\n", says }) => {
    const server = await serve((_request, response) => response.end());

    const result = await runCli(args, { env: { PUSHGATEWAY_URL: server.url.href }, input });

    await server.close();
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: [^\n]+\n(\(Did you mean .*\n)?$/);
    expect(result.stderr).toContain(says);
    expect(server.requests).toEqual([]);
  });

  test.each(["push", "delete"])(
    "%s without a gateway, and says how to name one",
    async (command) => {
      const result = await runCli([command, "-j", "x"], { input: "a 1\n" });

      expect(result).toMatchObject({ code: 2, stdout: "" });
      expect(result.stderr).toMatch(
        /^closing-bell: no gateway is configured: set PUSHGATEWAY_URL.*\n$/,
      );
    },
  );

  test.each(["push", "delete"])("%s with a bad configuration, all of it", async (command) => {
    const file = join(folder, "bad.json");
    writeFileSync(file, '{ "gatway": {}, "jobs": [] }');

    const result = await runCli([command, "-j", "x", "--config", file], { env, input: "a 1\n" });

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(`${file}: unknown key "gatway"; did you mean "gateway"?`);
    expect(result.stderr).toContain(`${file}: jobs must be an object`);
  });
});

describe("exit code 1 when the gateway", () => {
  const answers: Readonly<Record<string, RequestHandler>> = {
    "refuses with 400": (_request, response) => response.writeHead(400).end("no thanks\n"),
    redirects: (_request, response) =>
      response.writeHead(302, { location: "http://elsewhere/" }).end(),
    "wants another password": (_request, response) => response.writeHead(401).end(),
    "is a login page": (_request, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    "hangs up": (request) => request.socket.destroy(),
  };

  test.each(
    Object.keys(answers).flatMap((name) => [
      { command: "push", name },
      { command: "delete", name },
    ]),
  )("$name: $command", async ({ command, name }) => {
    const server = await serve(answers[name] ?? (() => {}));

    const result = await runCli([command, "-j", "x", "--gateway", server.url.href], {
      input: "a 1\n",
    });

    await server.close();
    const verb = command === "push" ? "PUT" : "DELETE";
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(
      new RegExp(`^closing-bell: ${verb} {job="x"} at ${server.url.origin}: [^\\n]+\\n$`),
    );
    expect(server.requests.length).toBeGreaterThan(0);
  });

  test.each(["push", "delete"])("is not there: %s", async (command) => {
    const url = `http://127.0.0.1:${await freePort()}`;

    const result = await runCli([command, "-j", "x", "--gateway", url], { input: "a 1\n" });

    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain("is the gateway running there?");
  });
});
