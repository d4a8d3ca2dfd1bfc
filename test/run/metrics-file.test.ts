import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createMetricsFile, type MetricsFile } from "../../src/run/metrics-file.ts";

const GROUP = groupingKey("nightly", { desk: "rates" });

let file: MetricsFile;
let path: string;

beforeEach(() => {
  file = createMetricsFile();
  path = file.path ?? "";
});

afterEach(() => file.remove());

describe("what a command may find and leave", () => {
  test("no file, and a folder of its own that nobody else may enter", async () => {
    expect(existsSync(path)).toBe(false);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(await file.read(GROUP)).toEqual({ families: [], problems: [] });
  });

  test("counters, gauges, histograms and what has no type", async () => {
    const text = `# HELP rows_total Rows.
# TYPE rows_total counter
rows_total{table="a"} 3
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 4.5
took_seconds_count 2
# TYPE level gauge
level 0.5
plain 7
`;
    writeFileSync(path, text);

    const { families, problems } = await file.read(GROUP);

    expect(problems).toEqual([]);
    expect(families).toMatchObject([
      { type: "counter", name: "rows_total", samples: [{ labels: { table: "a" }, value: 3 }] },
      { type: "histogram", name: "took_seconds", samples: [{ count: 2, sum: 4.5 }] },
      { type: "gauge", name: "level", samples: [{ value: 0.5 }] },
      { type: "untyped", name: "plain", samples: [{ value: 7 }] },
    ]);
  });

  test("a file that was written beside it and renamed, and nothing is left when it is removed", async () => {
    writeFileSync(`${path}.1234`, "level 1\n");
    renameSync(`${path}.1234`, path);
    writeFileSync(`${path}.1235`, "level 2\n");

    expect((await file.read(GROUP)).families).toMatchObject([{ name: "level" }]);
    file.remove();
    file.remove();
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("an empty file, and one of comments", async () => {
    for (const text of ["", "# nothing yet\n"]) {
      writeFileSync(path, text);
      expect(await file.read(GROUP)).toEqual({ families: [], problems: [] });
    }
  });
});

describe("what client libraries add of their own", () => {
  test.each([
    'python_info{version="3.11"} 1',
    "# TYPE python_gc_objects_collected_total counter\npython_gc_objects_collected_total 3",
    "process_resident_memory_bytes 1",
    "nodejs_eventloop_lag_seconds 0",
    "go_goroutines 7",
  ])("is left out: %s", async (text) => {
    writeFileSync(path, `${text}\nlevel 1\n`);

    const { families, problems } = await file.read(GROUP);

    expect(families.map(({ name }) => name)).toEqual(["level"]);
    expect(problems).toEqual([]);
  });

  test("creation times go, as gauges beside what they belong to", async () => {
    const text = `# TYPE rows_total counter
rows_total 3
# TYPE rows_created gauge
rows_created 1.7e9
# TYPE took histogram
took_bucket{le="+Inf"} 1
took_count 1
took_sum 1
# TYPE took_created gauge
took_created 1.7e9
# TYPE orders_created gauge
orders_created 4
`;
    writeFileSync(path, text);

    const { families } = await file.read(GROUP);

    // The last one is the user's own: no counter orders_total is there.
    expect(families.map(({ name }) => name)).toEqual(["rows_total", "took", "orders_created"]);
  });
});

describe("costs only itself:", () => {
  test.each<{ name: string; text: string; says: string }>([
    {
      name: "a summary",
      text: "# TYPE q summary\nq_sum 1\nq_count 1",
      says: "metric q: is a summary",
    },
    { name: "a gauge of NaN", text: "g NaN", says: "metric g: the series {} is NaN" },
    {
      name: "a counter below 0",
      text: "# TYPE c_total counter\nc_total -1",
      says: "metric c_total: the series {} adds -1",
    },
    { name: "a timestamp", text: "g 1 1700000000000", says: "metric g: the series {} has a" },
    {
      name: "a grouping label",
      text: 'g{desk="fx"} 1',
      says: "metric g: label desk is also a grouping label",
    },
    { name: "a label job", text: 'g{job="x"} 1', says: "metric g: label job is reserved" },
    { name: "a series given twice", text: "g 1\ng 2", says: "metric g: the series [] is given tw" },
    {
      name: "a family of the run",
      text: "batch_job_exit_code 0",
      says: "metric batch_job_exit_code: is one of the families that every run tells of itself",
    },
    {
      name: "a series of the run",
      text: "closing_bell_push_duration_seconds_sum 0",
      says: "metric closing_bell_push_duration_seconds_sum: is one of the families that every run",
    },
    {
      name: "one of the gateway's",
      text: "push_time_seconds 1",
      says: "metric push_time_seconds: is one of the gateway's or the ledger's own families",
    },
    {
      name: "one of ours with another type",
      text: "trades_total 4",
      says: 'metric trades_total: is a counter and not untyped: say "# TYPE trades_total counter"',
    },
    {
      name: "a series of another family",
      text: "# TYPE h_bucket gauge\nh_bucket 1\n# TYPE h histogram\nh_sum 1\nh_count 1",
      says: "metric h: its series h_bucket is also one of h_bucket",
    },
  ])("$name", async ({ text, says }) => {
    writeFileSync(path, `first 1\n${text}\nlast 2\n`);

    const { families, problems } = await file.read(GROUP);

    const names = families.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["first", "last"]));
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining(`metrics file: ${says}`),
    ]);
  });

  test.each<{ name: string; write: () => void; says: RegExp }>([
    {
      name: "text that is no exposition",
      write: () => writeFileSync(path, "level 1\nrows = 3\n"),
      says: /^metrics file: .* in line 2: /,
    },
    {
      name: "a line that was cut off",
      write: () => writeFileSync(path, "level 1\nrows 3"),
      says: /^metrics file: .* in line 2: unexpected end/,
    },
    {
      name: "bytes that are no UTF-8",
      write: () => writeFileSync(path, Buffer.from([0x61, 0x20, 0xff, 0x0a])),
      says: /^metrics file: .*not valid for encoding utf-8/,
    },
    {
      name: "a file that is too large",
      write: () => {
        writeFileSync(path, "level 1\n");
        truncateSync(path, 9_000_000);
      },
      says: /^metrics file: it has 9000000 bytes; at most 8388608 are read$/,
    },
    {
      name: "a folder",
      write: () => mkdirSync(path),
      says: /^metrics file: it is no regular file$/,
    },
    {
      name: "a pipe, which is not waited for",
      write: () => spawnSync("mkfifo", [path]),
      says: /^metrics file: it is no regular file$/,
    },
  ])("a file of $name", async ({ write, says }) => {
    write();

    const { families, problems } = await file.read(GROUP);

    expect(families).toEqual([]);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(says)]);
  });
});

test("two runs have two files", () => {
  const other = createMetricsFile();
  expect(other.path).not.toBe(path);
  expect(dirname(other.path ?? "")).not.toBe(join(dirname(path)));
  other.remove();
});
