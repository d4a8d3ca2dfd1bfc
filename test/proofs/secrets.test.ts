import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { emptyGateway } from "../cli/empty-gateway.ts";
import { runCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { type RequestHandler, serve } from "../support/http-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(90_000);

const PASSWORD = "opensesame/ü";
const SPELLINGS = [
  "opensesame",
  encodeURIComponent(PASSWORD),
  Buffer.from(`reporter:${PASSWORD}`).toString("base64"),
];

/** Gives back, in the body or as a redirect, what it was told. */
function echo(status: number, where: "body" | "location"): RequestHandler {
  return ({ headers: { authorization = "" } }, response) => {
    const told = Buffer.from(authorization.replace("Basic ", ""), "base64").toString("utf8");
    const [user = "", password = ""] = told.split(":");
    const location = `http://${user}:${encodeURIComponent(password)}@elsewhere.example/`;
    response.writeHead(status, where === "location" ? { location } : {});
    response.end(where === "body" ? `${authorization} is ${told}` : "");
  };
}

const commands: Readonly<Record<string, readonly string[]>> = {
  run: ["run", "-j", "x", "--", "true"],
  "run --json": ["run", "--json", "-j", "x", "--", "true"],
  push: ["push", "-j", "x"],
  "push --json": ["push", "--json", "-j", "x"],
  delete: ["delete", "-j", "x"],
  demo: ["demo", "--json"],
  publish: ["publish"],
  "publish --json": ["publish", "--json"],
  "ledger adopt": ["ledger", "adopt", "-j", "x"],
  "ledger adopt --json": ["ledger", "adopt", "-j", "x", "--json"],
};

/** A ledger with a run that every command finds waiting, or published by those before it. */
let ledger: Readonly<Record<string, string>>;

beforeAll(async () => {
  ledger = { CLOSING_BELL_STATE_DIR: stateDirectory() };
  await runCli(["run", "-j", "x", "--", "true"], { env: ledger });
});

afterAll(removeStateDirectories);

describe("the password in the gateway's URL is sent and never printed", () => {
  const gateways: Readonly<Record<string, RequestHandler>> = {
    takes: (_request, response) => response.end(),
    "refuses and repeats": echo(400, "body"),
    "fails and repeats": echo(500, "body"),
    "redirects to": echo(302, "location"),
    // For those that look before they push.
    "shows nothing, and takes": emptyGateway((_request, response) => response.end()),
    "shows nothing, refuses and repeats": emptyGateway(echo(400, "body")),
  };

  test.each(
    Object.keys(commands).flatMap((command) => {
      const looks = /^(?:run|publish|ledger)/.test(command);
      const answers = Object.keys(gateways).filter((answer) => looks || !/^shows/.test(answer));
      return answers.map((answer) => ({ command, answer }));
    }),
  )("by $command, when the gateway $answer it", async ({ command, answer }) => {
    const server = await serve(gateways[answer] ?? (() => {}));

    const result = await runCli(commands[command] ?? [], {
      env: { ...ledger, PUSHGATEWAY_URL: withPassword(server.url.href) },
      input: "a 1\n",
    });

    await server.close();
    const basic = `Basic ${Buffer.from(`reporter:${PASSWORD}`).toString("base64")}`;
    expect(server.requests.length).toBeGreaterThan(0);
    for (const { headers } of server.requests) expect(headers.authorization).toBe(basic);
    expectNoPassword(result);
  });

  test.each(Object.keys(commands))("by %s, when there is no gateway", async (command) => {
    const url = withPassword(`http://127.0.0.1:${await freePort()}`);

    const args = commands[command] ?? [];
    const words = args[0] === "ledger" ? 2 : 1;
    const result = await runCli([...args.slice(0, words), "--gateway", url, ...args.slice(words)], {
      env: ledger,
      input: "a 1\n",
    });

    expectNoPassword(result);
    expect(result.stderr).toContain("http://127.0.0.1:");
  });
});

test("the password is not in the ledger, nor in what ledger show tells of the gateways", async () => {
  const server = await serve(emptyGateway((_request, response) => response.end()));
  const env = { ...ledger, PUSHGATEWAY_URL: withPassword(server.url.href) };
  await runCli(["publish"], { env });
  await server.close();

  const asText = await runCli(["ledger", "show"], { env });
  const asJson = await runCli(["ledger", "show", "--json"], { env });

  expect(asText.stdout).toMatch(new RegExp(`${server.url.origin}: version \\d+ confirmed`));
  expectNoPassword(asText);
  expectNoPassword(asJson);
  const { CLOSING_BELL_STATE_DIR: directory = "" } = ledger;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = readFileSync(join(entry.parentPath, entry.name), "latin1");
    expectNoPassword({ stdout: content, stderr: "" });
  }
});

describe("the password in an argument is not printed when", () => {
  const url = "http://reporter:opensesame@gw.example:9091";

  test.each<{ name: string; args: readonly string[] }>([
    { name: "the flag is mistyped", args: ["push", "-j", "x", `--gatway=${url}`] },
    { name: "the flag is forgotten", args: ["push", "-j", "x", "--gateway", "http://h", url] },
    { name: "it is where the command should be", args: [url, "push"] },
    { name: "it is a label", args: ["push", "-j", "x", "-g", url] },
    { name: "it is where to listen", args: ["gateway", "--listen", url] },
    { name: "it is the command of run", args: ["run", "-j", "x", url] },
    { name: "it is another scheme's", args: ["delete", "-j", "x", "--gateway", `x${url}`] },
    { name: "it is the job", args: ["publish", "-j", url] },
    { name: "it is the gateway to publish to", args: ["publish", "--gateway", `x${url}`] },
    { name: "it is what becomes of the pending", args: ["ledger", "adopt", "--pending", url] },
    { name: "it is the configuration", args: ["delete", "-j", "x", "--config", url] },
    { name: "it is the prices", args: ["demo", "--prices", url] },
  ])("$name", async ({ args }) => {
    const result = await runCli(args, { input: "a 1\n" });

    expect(result.code).not.toBe(0);
    expect(result.stderr).not.toBe("");
    expectNoPassword(result);
  });
});

function withPassword(url: string): string {
  return url.replace("//", `//reporter:${encodeURIComponent(PASSWORD)}@`);
}

function expectNoPassword({
  stdout,
  stderr,
}: {
  readonly stdout: string;
  readonly stderr: string;
}) {
  for (const spelling of SPELLINGS) expect(stdout + stderr).not.toContain(spelling);
}
