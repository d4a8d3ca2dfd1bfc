import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWithLambda, NODE_24 } from "../../support/lambda-runtime.ts";
import { printTable } from "../../support/print-table.ts";
import { removeStateDirectories } from "../../support/state-directory.ts";
import { type BuiltBundle, bundleFunctions, type FunctionName } from "./functions.ts";

/** Fresh processes, of which the median counts. */
const STARTS = 9;

/** What only the command and the reporter's own sources need. */
const NOT_IN_JOBS = ["pg", "pg-protocol", "pg-pool", "@redis/client", "commander", "croner"];

/** What only tests and development need, and clients that a function has its own in place of. */
const NOWHERE = [
  ...["@anthropic-ai/sdk", "dynalite", "esbuild", "jest", "aws-cdk-lib", "serverless"],
  ...["express", "fastify", "vega-datasets", "typescript", "commander", "aws-sdk"],
];

/**
 * What the load of a bundle costs, from inside: wall clock and user + system time, in milliseconds, with
 * what it loads while it is initialised.
 */
const MEASURE = `
  const cpu = process.cpuUsage();
  const at = performance.now();
  const { handler } = require(process.argv[1]);
  setImmediate(() => {
    const wall = performance.now() - at;
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ wall, cpu: (user + system) / 1000, handler: typeof handler }));
  });
`;

describeWithLambda("the functions' bundles", () => {
  let bundles: readonly BuiltBundle[];

  beforeAll(() => {
    bundles = bundleFunctions();
  });
  afterAll(removeStateDirectories);

  test("are as large as printed, and load in that time", () => {
    const loads = new Map<FunctionName, { wall: number; cpu: number }[]>();
    // Interleaved: what else the machine does meanwhile is spread over all of them.
    for (let start = 0; start < STARTS; start++) {
      for (const { name, file } of bundles) {
        const { handler, ...load } = loadOf(file);
        expect(handler).toBe("function");
        loads.set(name, [...(loads.get(name) ?? []), load]);
      }
    }
    const rows = bundles.map(({ name, file }) => {
      const bytes = readFileSync(file);
      const measured = loads.get(name) ?? [];
      return [
        name,
        (bytes.length / 1000).toFixed(0),
        (gzipSync(bytes).length / 1000).toFixed(0),
        median(measured.map(({ wall }) => wall)).toFixed(0),
        median(measured.map(({ cpu }) => cpu)).toFixed(0),
      ];
    });
    printTable(
      `Bundles of the functions, loaded by Node 24: medians of ${STARTS} fresh processes`,
      ["function", "KB", "gzip KB", "load ms", "load CPU ms"],
      rows,
    );
    expect(rows).toHaveLength(3);
  });

  test("hold nothing that their function cannot use", () => {
    for (const { name, metafile } of bundles) {
      const packages = packagesOf(metafile);
      expect(packages.size).toBeGreaterThan(10);
      const unwanted = [...NOWHERE, ...(name === "reporter" ? [] : NOT_IN_JOBS)];
      expect({ name, found: unwanted.filter((each) => packages.has(each)) }).toEqual({
        name,
        found: [],
      });
      const ours = ownFolders(metafile);
      // An embedded gateway and the command are for people at a terminal.
      const places = ["src/cli", "src/pushgateway", "src/scrape", "src/doctor", "test", "infra"];
      expect({ name, found: places.filter((each) => ours.has(each)) }).toEqual({
        name,
        found: [],
      });
    }
  });

  test("hold one copy of each package of the AWS SDK", () => {
    for (const { name, metafile } of bundles) {
      const roots = Object.keys(metafile.inputs).flatMap(
        (path) => /^.*node_modules\/@(?:aws-sdk|smithy)\/[^/]+\//.exec(path)?.[0] ?? [],
      );
      expect(roots.length).toBeGreaterThan(10);
      const copies = [...new Set(roots)].filter((root) => root.split("node_modules/").length > 2);
      expect({ name, copies }).toEqual({ name, copies: [] });
    }
  });
});

function loadOf(file: string): { handler: string; wall: number; cpu: number } {
  return JSON.parse(execFileSync(NODE_24, ["--eval", MEASURE, file], { encoding: "utf8" }));
}

/** Names of the packages whose code went into the bundle. */
function packagesOf({ outputs }: BuiltBundle["metafile"]): ReadonlySet<string> {
  const paths = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? path : [])),
  );
  return new Set(
    paths.flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1] ?? [],
    ),
  );
}

/** `src` and `src/cli` for everything below it. */
function ownFolders({ outputs }: BuiltBundle["metafile"]): ReadonlySet<string> {
  const paths = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const own = paths.filter((path) => !path.includes("node_modules/"));
  return new Set(
    own.flatMap((path) => {
      const [first = "", second] = path.split("/");
      return [first, `${first}/${second}`];
    }),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
