import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidInputError } from "../../src/errors.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { ask } from "./observe.ts";

let folder: string;
let persistenceFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "closing-bell-pushgateway-"));
  persistenceFile = join(folder, "store");
});
afterEach(() => rm(folder, { recursive: true }));

async function scrapedAfter(requests: readonly { path: string; body: string }[]): Promise<string> {
  const gateway = await startPushgateway({ persistenceFile });
  for (const request of requests) {
    expect(await ask(gateway.url, { method: "PUT", ...request })).toMatchObject({ status: 200 });
  }
  const { body } = await ask(gateway.url, { method: "GET", path: "/metrics" });
  await gateway.close();
  return body;
}

const BODY = [
  "# HELP c Some help.\n# TYPE c counter\nc NaN\n",
  'g{x="+Inf"} +Inf\ng{x="-Inf"} -Inf\ng{x="-0"} -0\ng{x="1"} 0.1\n__proto__ 1\n',
  '# TYPE h histogram\nh_bucket{le="0.1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n',
  '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 4\ns_count 3\n',
].join("");

describe("a gateway with a persistence file", () => {
  test("exposes after a restart exactly what it did before", async () => {
    const before = await scrapedAfter([
      { path: "/metrics/job/j", body: BODY },
      { path: "/metrics/job@base64/YS9i/number/7", body: "g 1\n" },
    ]);
    expect(before).toContain('g{instance="",job="a/b",number="7"} 1\n');
    expect(await scrapedAfter([])).toBe(before);
  });

  test("comes back with old data from an old file, so that totals fall", async () => {
    await scrapedAfter([{ path: "/metrics/job/j", body: "# TYPE c counter\nc 10\n" }]);
    await copyFile(persistenceFile, join(folder, "old"));
    await scrapedAfter([{ path: "/metrics/job/j", body: "# TYPE c counter\nc 30\n" }]);
    await copyFile(join(folder, "old"), persistenceFile);

    expect(await scrapedAfter([])).toContain('c{instance="",job="j"} 10\n');
  });

  test("saves on the interval, and leaves no temporary file", async () => {
    const gateway = await startPushgateway({ persistenceFile, persistenceIntervalMs: 1 });
    await ask(gateway.url, { method: "PUT", path: "/metrics/job/j", body: "a 1\n" });
    while (!(await readFile(persistenceFile, "utf8").catch(() => "")).includes('"job":"j"')) {
      await ask(gateway.url, { method: "GET", path: "/-/ready" });
    }
    await gateway.close();
    expect(await readdir(folder)).toEqual(["store"]);
  });

  test("writes nothing when nothing was pushed", async () => {
    await scrapedAfter([]);
    expect(await readdir(folder)).toEqual([]);
  });

  test("says at its close that it could not save", async () => {
    const gateway = await startPushgateway({ persistenceFile: join(folder, "nowhere", "store") });
    await ask(gateway.url, { method: "PUT", path: "/metrics/job/j", body: "a 1\n" });
    await expect(gateway.close()).rejects.toThrow("ENOENT");
  });

  test.each([
    { name: "of another program", content: "\x1f\x8b", says: "was not written by this gateway" },
    { name: "that is damaged", content: "closing-bell pushgateway 1\n[{", says: "is damaged" },
    { name: "of another shape", content: "closing-bell pushgateway 1\n{}\n", says: "is damaged" },
  ])("refuses to start with a file $name", async ({ content, says }) => {
    await writeFile(persistenceFile, content);
    const starting = startPushgateway({ persistenceFile });
    await expect(starting).rejects.toThrow(InvalidInputError);
    await expect(starting).rejects.toThrow(`persistence file ${persistenceFile} ${says}`);
  });
});
