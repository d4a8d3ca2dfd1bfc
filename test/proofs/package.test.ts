/**
 * `npm run package` as a stranger runs it: copies of the checkout in other folders, an environment that
 * holds nothing but PATH, a home that does not exist, and no network where this machine can take it away.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { unzipSync } from "fflate";
import { durationMs } from "../../src/duration.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { BACKTEST_LABELS } from "../../src/jobs/backtest.ts";
import { GROUPS, partitionOf } from "../../src/ledger/dynamodb/keys.ts";
import {
  copyOfCheckout,
  edit,
  hasNoNetwork,
  homeOf,
  newFolder,
  PACKAGING_TIMEOUT_MS,
  type Packaged,
  packageCopy,
  propertiesOf,
  readStackParameters,
  readTemplate,
  removeCopies,
  type Template,
  texts,
  zipsOf,
} from "../infra/packaging.ts";
import { printTable } from "../support/print-table.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const FUNCTIONS = ["backtest", "analysis", "reporter"] as const;

afterAll(removeCopies);

describe("npm run package", () => {
  let checkout: string;
  let first: Packaged;
  let template: Template;

  beforeAll(() => {
    checkout = copyOfCheckout();
    first = packageCopy(checkout);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    template = readTemplate(checkout);
  }, PACKAGING_TIMEOUT_MS);

  test(
    "makes the same zips again, and in another folder and time zone",
    () => {
      const again = packageCopy(checkout);
      const elsewhere = packageCopy(copyOfCheckout(), { TZ: "Asia/Kolkata" });
      expect(zipsOf(first).map(({ name }) => name)).toEqual(FUNCTIONS.map((name) => `${name}.zip`));
      expect(zipsOf(again)).toEqual(zipsOf(first));
      expect(zipsOf(elsewhere)).toEqual(zipsOf(first));
      printTable(
        `npm run package, three times in two folders, ${hasNoNetwork ? "without a network" : "with the network that there was"}`,
        ["zip", "bytes", "SHA-256"],
        [
          ...zipsOf(first).map(({ name, bytes, hash }) => [name, String(bytes), hash]),
          ["resources of the stack", String(Object.keys(template.Resources).length), ""],
        ],
      );
    },
    3 * PACKAGING_TIMEOUT_MS,
  );

  test("says how many resources the stack has", () => {
    const count = Object.keys(template.Resources).length;
    expect(count).toBeGreaterThan(40);
    expect(first.stdout).toContain(`stack          ${count} resources`);
  });

  test.each(FUNCTIONS)("puts what %s needs into its zip, and nothing else", (name) => {
    const files = unzipSync(readFileSync(join(checkout, `.cache/functions/${name}.zip`)));
    expect(Object.keys(files)).toEqual(["index.cjs", "closing-bell.json"]);
    const configuration = Buffer.from(files["closing-bell.json"] ?? []).toString();
    expect(configuration).toBe(readFileSync(join(ROOT, "closing-bell.json"), "utf8"));

    const folder = newFolder();
    writeFileSync(join(folder, "index.cjs"), files["index.cjs"] ?? "");
    const program = `console.log(Object.keys(require("./index.cjs")), typeof require("./index.cjs").handler)`;
    const { stdout } = spawnSync(process.execPath, ["-e", program], {
      cwd: folder,
      env: { AWS_REGION: "eu-west-1" },
      encoding: "utf8",
    });
    expect(stdout).toBe("[ 'handler' ] function\n");
  });

  test("writes to .cache and nowhere else, but for npm's own log", () => {
    const [before, after] = [copyOfCheckout(), checkout].map((each) => readdirSync(each).sort());
    expect(after).toEqual([...(before ?? []), ".cache"].sort());
    const home = homeOf(checkout);
    expect(existsSync(home) ? readdirSync(home) : [".npm"]).toEqual([".npm"]);
  });

  test("leaves no name of AWS's as text where CloudFormation would not fill it in", () => {
    const stray = [...texts(template.Resources)].filter(
      ({ path, text }) => text.includes("${") && !path.includes("Fn::Sub"),
    );
    expect(stray).toEqual([]);
  });

  test("gives every parameter of the stack a value that it takes", () => {
    const given = readStackParameters(checkout);
    expect(Object.keys(given).sort()).toEqual(Object.keys(template.Parameters).sort());
    for (const [name, { AllowedPattern = ".*" }] of Object.entries(template.Parameters)) {
      expect(`${name} ${given[name]}`).toMatch(new RegExp(`^${name} (?:${AllowedPattern})$`));
    }
  });

  test("gives each function less time than its job may take, and than its period", () => {
    const { jobs } = JSON.parse(readFileSync(join(ROOT, "closing-bell.json"), "utf8"));
    const seconds = (id: string) =>
      Number(propertiesOf(template, `${id}LambdaFunction`)["Timeout"]);
    const limit = (text: string) => (durationMs(text) ?? Number.NaN) / 1000;
    expect(seconds("Backtest")).toBeLessThanOrEqual(limit(jobs.backtest.maxDuration));
    expect(seconds("Analysis")).toBeLessThanOrEqual(limit(jobs.analysis.maxDuration));
    expect(seconds("Reporter")).toBeLessThan(limit(jobs.closing_bell_reporter.schedule.rate));
    for (const id of ["Backtest", "Analysis", "Reporter"]) {
      const { Threshold } = propertiesOf(template, `${id}DurationAlarm`);
      expect(Threshold).toBe(seconds(id) * 800);
    }
  });

  test.each([
    { id: "Backtest", own: groupingKey("backtest", BACKTEST_LABELS) },
    { id: "Analysis", own: groupingKey("analysis", { mode: "paper", strategy: "a model" }) },
  ])("lets $id put into its own groups alone", ({ id, own }) => {
    const patterns = leadingKeys(template, `${id}Role`);
    const isAllowed = (partition: string) => patterns.some((pattern) => pattern.test(partition));
    expect([GROUPS, partitionOf(own)].every(isAllowed)).toBe(true);
    const others = ["backtest", "analysis", "closing_bell_reporter", `${own.job}s`, `x${own.job}`]
      .filter((job) => job !== own.job)
      .map((job) => partitionOf(groupingKey(job, own.labels)));
    expect([...others, "LEDGER", "STATE"].filter(isAllowed)).toEqual([]);
  });
});

const GATEWAY = '{ "gateway": { "url": "https://gateway.example", "caFile": "tls/ca.pem" },';

test(
  "certificates that closing-bell.json names go with it",
  () => {
    const directory = copyOfCheckout();
    edit(directory, "closing-bell.json", "{", GATEWAY);
    mkdirSync(join(directory, "tls"));
    writeFileSync(join(directory, "tls/ca.pem"), "a certificate");
    expect(packageCopy(directory)).toMatchObject({ status: 0, stderr: "" });
    const zip = unzipSync(readFileSync(join(directory, ".cache/functions/reporter.zip")));
    expect(Buffer.from(zip["tls/ca.pem"] ?? []).toString()).toBe("a certificate");
  },
  PACKAGING_TIMEOUT_MS,
);

describe("npm run package refuses, in one line and without a zip,", () => {
  test.each<{
    readonly what: string;
    readonly spoil: (directory: string) => void;
    readonly line: RegExp;
  }>([
    {
      what: "a function that is not there",
      spoil: (directory) => rmSync(join(directory, "src/lambda/backtest.ts")),
      line: /^package: function backtest does not build: .*src\/lambda\/backtest\.ts/,
    },
    {
      what: "a function without a handler",
      spoil: (directory) =>
        edit(directory, "src/lambda/analysis.ts", "export const handler", "export const handle"),
      line: /^package: function analysis does not build: .*No matching export .*"handler"/,
    },
    {
      what: "a job catalogue that is no JSON",
      spoil: (directory) => writeFileSync(join(directory, "closing-bell.json"), '{ "jobs": '),
      line: /^package: .*closing-bell\.json is not JSON: /,
    },
    {
      what: "a certificate that is not there",
      spoil: (directory) => edit(directory, "closing-bell.json", "{", GATEWAY),
      line: /^package: .*no such file .*tls\/ca\.pem/,
    },
    {
      what: "a mistyped key",
      spoil: (directory) => edit(directory, "closing-bell.json", '"maxAge"', '"maxage"'),
      line: /^package: .*closing-bell\.json: .*maxage.*maxAge/,
    },
    {
      what: "a job without a schedule",
      spoil: (directory) => edit(directory, "closing-bell.json", /"schedule": \{ "rate".*\n/, ""),
      line: /^package: .*jobs\.closing_bell_reporter\.schedule is missing/,
    },
    {
      what: "a schedule that EventBridge has no words for",
      spoil: (directory) => edit(directory, "closing-bell.json", "30 17 * *", "30 17 1 *"),
      line: /^package: .*jobs\.backtest\.schedule: the cron line .* sets day of month and day of week/,
    },
  ])(
    "$what",
    ({ spoil, line }) => {
      const directory = copyOfCheckout();
      // As if it had been packaged before.
      cpSync(join(ROOT, "LICENSE"), join(directory, ".cache/functions/backtest.zip"));
      spoil(directory);
      const { status, stdout, stderr } = packageCopy(directory);
      expect(stderr).toMatch(line);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      for (const name of FUNCTIONS) {
        expect(existsSync(join(directory, `.cache/functions/${name}.zip`))).toBe(false);
      }
    },
    PACKAGING_TIMEOUT_MS,
  );
});

/** Partitions that a role may put into, as IAM has patterns: a star stands for anything. */
function leadingKeys(template: Template, role: string): readonly RegExp[] {
  const { Statement } = propertiesOf(template, role)["Policies"][0].PolicyDocument;
  const { Condition } = Statement.find(
    ({ Action }: { readonly Action: unknown }) => Action === "dynamodb:PutItem",
  );
  const patterns: readonly string[] = Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
  // Without it, a request that has no such key would do.
  expect(Condition["Null"]).toEqual({ "dynamodb:LeadingKeys": "false" });
  return patterns.map((pattern) => {
    const literals = pattern.split("*").map((text) => text.replace(/[^\w]/g, "\\$&"));
    return new RegExp(`^${literals.join(".*")}$`);
  });
}
