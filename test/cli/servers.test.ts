import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, jest, test } from "@jest/globals";
import { aiCatalogue } from "../../src/metrics/ai-catalogue.ts";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { runCli } from "../support/cli.ts";
import { scrape, scrapeJob } from "./scraped.ts";
import { startCli } from "./start-cli.ts";

jest.setTimeout(90_000);

const SERVERS: readonly { readonly command: string; readonly args: readonly string[] }[] = [
  { command: "gateway", args: ["gateway"] },
  { command: "serve --demo", args: ["serve", "--demo"] },
];

const STOPS = SERVERS.flatMap(({ command, args }) =>
  (["SIGTERM", "SIGINT"] as const).map((signal) => ({ command, args, signal })),
);

test.each(STOPS)("$command stops at once on $signal, with 0", async ({ args, signal }) => {
  const cli = startCli([...args, "--listen", "127.0.0.1:0"]);
  const [address = ""] = await cli.printed(/http:\S+:\d+/);
  // A connection that is kept alive holds nobody up.
  await (await fetch(new URL("/metrics", address))).text();
  cli.kill(signal);

  const { code, stdout, stderr } = await cli.ended;

  expect(code).toBe(0);
  expect(stdout.toString()).toBe("");
  expect(stderr.toString()).toMatch(/^closing-bell: [^\n]+\n$/);
});

test("gateway takes pushes, keeps them until it stops, and says what it is for", async () => {
  const cli = startCli(["gateway", "--listen", "127.0.0.1:0"]);
  const [said, address = ""] = await cli.printed(/^closing-bell: .* at (http:\S+:\d+).*\n/);

  const answer = await fetch(new URL("/metrics/job/curl", address), {
    method: "POST",
    body: "rows 3\n",
  });
  const values = await scrapeJob(new URL(address), { job: "curl" });
  cli.kill("SIGTERM");
  await cli.ended;

  expect(said).toContain("for development and tests");
  expect(answer.status).toBe(200);
  expect(values["rows"]).toBe(3);
});

test("serve --demo shows all 24 families at once, each with a value", async () => {
  const cli = startCli(["serve", "--demo", "--listen", "127.0.0.1:0"]);
  const [, address = ""] = await cli.printed(/at (http:\S+\/metrics)\n/);

  const families = await scrape(new URL(address));
  cli.kill("SIGTERM");
  await cli.ended;

  const described = Object.values(catalogue).map(({ name, type }) => ({ name, type }));
  expect(described).toHaveLength(24);
  const { name, type } = aiCatalogue.aiApiRequestOutcomesTotal;
  expect(families.map(({ name, type }) => ({ name, type })).sort(byName)).toEqual(
    [...described, { name, type }].sort(byName),
  );
  for (const { samples } of families) expect(samples).not.toHaveLength(0);
});

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

(hasIpv6 ? test : test.skip).each(SERVERS)("$command listens on IPv6", async ({ args }) => {
  const cli = startCli([...args, "--listen", "[::1]:0"]);
  const [address = ""] = await cli.printed(/http:\/\/\[::1\]:\d+/);

  const { status } = await fetch(new URL("/metrics", address));
  cli.kill("SIGTERM");

  expect(status).toBe(200);
  expect((await cli.ended).code).toBe(0);
});

describe.each(SERVERS)("$command refuses, with 2 and one line,", ({ args }) => {
  test("a port that is in use", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const listen = `127.0.0.1:${(holder.address() as AddressInfo).port}`;

    const result = await runCli([...args, "--listen", listen]);

    holder.close();
    await once(holder, "close");
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toBe(
      `closing-bell: --listen ${listen}: listen EADDRINUSE: address already in use ${listen}\n`,
    );
  });

  test.each(["9091", ":9091", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:http", ""])(
    "--listen %j",
    async (listen) => {
      const result = await runCli([...args, "--listen", listen]);

      expect(result).toMatchObject({ code: 2, stdout: "" });
      expect(result.stderr).toBe(
        `closing-bell: --listen ${listen}: expected HOST:PORT, e.g. 127.0.0.1:9091\n`,
      );
    },
  );

  test("a host that is not ours", async () => {
    const result = await runCli([...args, "--listen", "no-such-host.invalid:0"]);

    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/^closing-bell: --listen no-such-host.invalid:0: [^\n]+\n$/);
  });
});

test("serve needs --demo, and says so", async () => {
  const result = await runCli(["serve"]);

  expect(result).toMatchObject({ code: 2, stdout: "" });
  expect(result.stderr).toContain("--demo");
});

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
