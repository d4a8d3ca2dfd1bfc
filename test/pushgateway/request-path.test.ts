import { describe, expect, test } from "@jest/globals";
import { formatGroupingKey, groupingKey, groupPath } from "../../src/grouping-key.ts";
import { decodedPath, groupLabels } from "../../src/pushgateway/request-path.ts";
import { cleanRedirect, routeOf } from "../../src/pushgateway/routes.ts";

const base64 = (job: string) => groupLabels(job, true, "");
const plain = (rest: string) => groupLabels("j", false, rest);

describe("the labels of a path", () => {
  test.each<{ name: string; given: ReturnType<typeof groupLabels>; labels: object }>([
    { name: "a job alone", given: plain(""), labels: { job: "j" } },
    { name: "a trailing slash", given: plain("/"), labels: { job: "j" } },
    { name: "labels", given: plain("/a/1/b/2"), labels: { a: "1", b: "2", job: "j" } },
    { name: "an empty last value", given: plain("/a/"), labels: { a: "", job: "j" } },
    { name: "the last of two", given: plain("/a/1/a/2"), labels: { a: "2", job: "j" } },
    { name: "the job over a label job", given: plain("/job/k"), labels: { job: "j" } },
    { name: "base64", given: plain("/a@base64/YS9i"), labels: { a: "a/b", job: "j" } },
    { name: "empty base64", given: plain("/a@base64/="), labels: { a: "", job: "j" } },
    { name: "padded base64", given: base64("YQ=="), labels: { job: "a" } },
    { name: "base64 without padding", given: base64("YQ"), labels: { job: "a" } },
    { name: "base64 with padding to spare", given: base64("YQ====="), labels: { job: "a" } },
    { name: "base64 with a line break", given: base64("Y\r\nWI"), labels: { job: "ab" } },
    { name: "base64 with bits to spare", given: base64("YR"), labels: { job: "a" } },
  ])("$name", ({ given, labels }) => {
    expect(given).toEqual({ labels });
  });

  test.each<{ name: string; given: ReturnType<typeof groupLabels>; problem: string }>([
    { name: "an odd component", given: plain("/a"), problem: "odd number of components" },
    { name: "a slash too many", given: plain("/a/1/"), problem: "odd number of components" },
    { name: "an improper name", given: plain("/1a/1"), problem: 'improper label name "1a"' },
    { name: "an empty name", given: plain("//1"), problem: 'improper label name ""' },
    { name: "base64 twice", given: plain("/a@base64@base64/YQ"), problem: "improper label name" },
    { name: "the other alphabet", given: base64("a+b/"), problem: "invalid base64" },
    { name: "a digit that is no byte", given: base64("YWJjZ"), problem: "invalid base64" },
    { name: "padding in the middle", given: base64("YQ=x"), problem: "invalid base64" },
    { name: "an empty job", given: base64("="), problem: "job name is required" },
  ])("refuses $name", ({ given, problem }) => {
    expect(given).toEqual({ problem: expect.stringContaining(problem) });
  });

  test("a value that is not UTF-8 is named", () => {
    expect(plain("/a@base64/_w")).toMatchObject({ notUtf8: "a" });
    expect(groupLabels("\xff", false, "")).toMatchObject({ notUtf8: "job" });
  });

  test("many padding characters in the wrong place cost no more than their number", () => {
    const started = performance.now();
    expect(base64(`${"=".repeat(500_000)}x`)).toHaveProperty("problem");
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test.each([
    groupingKey("a/b", { x: "", y: "..", z: "ä +%?#" }),
    groupingKey("job", { strategy: "momentum-20d", mode: "live" }),
  ])("are what our own encoding says: %j", (key) => {
    const path = decodedPath(groupPath(key)) ?? "";
    expect(cleanRedirect(path)).toBeUndefined();
    const route = routeOf("PUT", path);
    if (route.kind !== "push") throw new Error(`${route.kind}: ${formatGroupingKey(key)}`);
    const { job, jobIsBase64, rest } = route.job;
    expect(groupLabels(job, jobIsBase64, rest)).toEqual({
      labels: { job: key.job, ...key.labels },
    });
  });
});

describe("the path of a request target", () => {
  test.each([
    ["/a%2Fb?x=%zz", "/a/b"],
    ["http://host:1/a", "/a"],
    ["http://host", "/"],
    ["/%c3%A4", "/\u00c3\u00a4"],
    ["/a+b#c", "/a+b#c"],
    ["/%zz", undefined],
    ["/%2", undefined],
  ])("%s is %s", (target, path) => {
    expect(decodedPath(target)).toBe(path);
  });
});
