import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { GATEWAYS } from "./gateways.ts";
import { ask, type GatewayRequest } from "./observe.ts";

type Row = {
  readonly name: string;
  /** Sent before, and expected to succeed. */
  readonly given?: readonly GatewayRequest[];
  /** Each is expected to be answered in the same way. */
  readonly requests: readonly GatewayRequest[];
  readonly status: number;
  /** Part of the answer's text; without it a success has none. */
  readonly says?: string;
  readonly location?: string;
  /** Series of the row's job afterwards, without `job` and an empty `instance`; times as words. */
  readonly leaves?: readonly string[];
};

const put = (path: string, body: string | Buffer = ""): GatewayRequest => ({
  method: "PUT",
  path,
  body,
});
const post = (path: string, body = ""): GatewayRequest => ({ method: "POST", path, body });
const del = (path: string, body = ""): GatewayRequest => ({ method: "DELETE", path, body });

const PUSHED = ["push_failure_time_seconds never", "push_time_seconds set"];
const FAILED = ["push_failure_time_seconds set", "push_time_seconds never"];
const PUSHED_THEN_FAILED = ["push_failure_time_seconds set", "push_time_seconds set"];

/** The measured table of the Pushgateway's behaviour, row by row. Each row has its own job. */
const ROWS: readonly Row[] = [
  {
    name: "1 a PUT is stored",
    requests: [put("/metrics/job/r1", "a 1\n")],
    status: 200,
    leaves: ["a 1", ...PUSHED],
  },
  {
    name: "2 a second PUT replaces the group",
    given: [put("/metrics/job/r2", "a 1\n")],
    requests: [put("/metrics/job/r2", "b 2\n")],
    status: 200,
    leaves: ["b 2", ...PUSHED],
  },
  {
    name: "3 a POST keeps the families it does not name",
    given: [put("/metrics/job/r3", "b 2\n")],
    requests: [post("/metrics/job/r3", "c 3\n")],
    status: 200,
    leaves: ["b 2", "c 3", ...PUSHED],
  },
  {
    name: "4 a POST replaces a family whole",
    given: [put("/metrics/job/r4", "b 2\nc 3\n")],
    requests: [post("/metrics/job/r4", 'c{x="1"} 4\n')],
    status: 200,
    leaves: ["b 2", 'c{x="1"} 4', ...PUSHED],
  },
  {
    name: "5 an empty POST changes no data",
    given: [put("/metrics/job/r5", "a 1\n")],
    requests: [post("/metrics/job/r5")],
    status: 200,
    leaves: ["a 1", ...PUSHED],
  },
  {
    name: "6 an empty PUT leaves the two bookkeeping gauges",
    given: [put("/metrics/job/r6", "a 1\n")],
    requests: [put("/metrics/job/r6")],
    status: 200,
    leaves: PUSHED,
  },
  {
    name: "7 a DELETE removes the group",
    given: [put("/metrics/job/r7", "a 1\n")],
    requests: [del("/metrics/job/r7")],
    status: 202,
    leaves: [],
  },
  {
    name: "8 a DELETE of an unknown group",
    requests: [del("/metrics/job/r8")],
    status: 202,
    leaves: [],
  },
  {
    name: "9 a DELETE removes nothing from a longer key",
    given: [put("/metrics/job/r9/instance/i", "a 1\n")],
    requests: [del("/metrics/job/r9")],
    status: 202,
    leaves: [
      'a{instance="i"} 1',
      'push_failure_time_seconds{instance="i"} never',
      'push_time_seconds{instance="i"} set',
    ],
  },
  {
    name: "10 a DELETE does not read its body",
    given: [put("/metrics/job/r10", "a 1\n")],
    requests: [del("/metrics/job/r10", "rubbish")],
    status: 202,
    leaves: [],
  },
  {
    name: "11 a body without its final line feed",
    requests: [put("/metrics/job/r11", "a 1")],
    status: 400,
    says: "text format parsing error in line 1: unexpected end of input stream",
    leaves: [],
  },
  {
    name: "12 a body that is no text format leaves no trace",
    requests: [put("/metrics/job/r12", "blablabla\n")],
    status: 400,
    says: "text format parsing error in line 1: ",
    leaves: [],
  },
  {
    name: "13 a timestamp on a new group leaves the time of the failure",
    requests: [put("/metrics/job/r13", "a 1 1000\n")],
    status: 400,
    says: "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps",
    leaves: FAILED,
  },
  {
    name: "14 a timestamp on an existing group keeps its data",
    given: [put("/metrics/job/r14", "a 1\n")],
    requests: [put("/metrics/job/r14", "a 1 1000\n")],
    status: 400,
    says: "must not have timestamps",
    leaves: ["a 1", ...PUSHED_THEN_FAILED],
  },
  {
    name: "15 a series twice",
    given: [put("/metrics/job/r15", "a 7\n")],
    requests: [put("/metrics/job/r15", "a 1\na 2\n")],
    status: 400,
    says: "was collected before with the same name and label values",
    leaves: ["a 7", ...PUSHED_THEN_FAILED],
  },
  {
    name: "16 a type that another group contradicts",
    given: [put("/metrics/job/first", "# TYPE r16 counter\nr16 1\n")],
    requests: [put("/metrics/job/r16", "# TYPE r16 gauge\nr16 1\n")],
    status: 400,
    says: 'collected metric "r16" { ',
    leaves: FAILED,
  },
  {
    name: "17 a new type in the only group",
    given: [put("/metrics/job/r17", "# TYPE r17 counter\nr17 1\n")],
    requests: [put("/metrics/job/r17", "# TYPE r17 gauge\nr17 2\n")],
    status: 200,
    leaves: ["r17 2", ...PUSHED],
  },
  {
    name: "18 another help text in another group",
    given: [put("/metrics/job/first/x/18", "# HELP r18 one\nr18 1\n")],
    requests: [put("/metrics/job/r18", "# HELP r18 two\nr18 2\n")],
    status: 200,
    leaves: ["r18 2", ...PUSHED],
  },
  {
    name: "19 a pushed push_time_seconds is overwritten",
    requests: [put("/metrics/job/r19", "push_time_seconds 0\n")],
    status: 200,
    leaves: PUSHED,
  },
  {
    name: "20 a TYPE line alone exposes no family",
    requests: [put("/metrics/job/r20", "# TYPE x counter\n")],
    status: 200,
    leaves: PUSHED,
  },
  {
    name: "21 TYPE twice, or after a sample",
    requests: [
      put("/metrics/job/r21", "# TYPE x counter\n# TYPE x counter\nx 1\n"),
      put("/metrics/job/r21", "x 1\n# TYPE x counter\n"),
    ],
    status: 400,
    says: "TYPE reported after samples",
    leaves: [],
  },
  {
    name: "22 any value is exposed as it is",
    requests: [
      put("/metrics/job/r22", "a NaN\nb +Inf\nc -Inf\nd 1e3\n# TYPE r22 counter\nr22 -5\n"),
    ],
    status: 200,
    leaves: ["a NaN", "b +Inf", "c -Inf", "d 1000", ...PUSHED, "r22 -5"],
  },
  {
    name: "23 a histogram without +Inf gets one from its count",
    requests: [
      put(
        "/metrics/job/r23",
        '# TYPE r23 histogram\nr23_bucket{le="1"} 2\nr23_sum 9\nr23_count 3\n',
      ),
    ],
    status: 200,
    leaves: [
      ...PUSHED,
      'r23_bucket{le="+Inf"} 3',
      'r23_bucket{le="1"} 2',
      "r23_count 3",
      "r23_sum 9",
    ],
  },
  {
    name: "24 label names that Prometheus keeps for itself",
    requests: [put("/metrics/job/r24", 'a{__x="1"} 1\n')],
    status: 400,
    says: "has a label with an invalid name: __x",
    leaves: FAILED,
  },
  {
    name: "25 an odd number of components",
    requests: [
      put("/metrics/job/r25/foo"),
      post("/metrics/job/r25/foo"),
      del("/metrics/job/r25/foo"),
    ],
    status: 400,
    says: 'odd number of components in label string "/foo"',
    leaves: [],
  },
  {
    name: "26 improper label names in the path",
    requests: ["a=b", "__x", "b:c", "1b"].map((label) => put(`/metrics/job/r26/${label}/1`)),
    status: 400,
    says: "improper label name",
    leaves: [],
  },
  {
    name: "27 a job in base64, with and without padding",
    requests: [
      put("/metrics/job@base64/dGUvc3Q=", "r27 1\n"),
      put("/metrics/job@base64/dGUvc3Q", "r27 1\n"),
    ],
    status: 200,
  },
  {
    name: "28 an empty job in base64",
    requests: [put("/metrics/job@base64/=")],
    status: 400,
    says: "job name is required",
  },
  {
    name: "29 a label in damaged base64",
    requests: [put("/metrics/job/r29/x@base64/fo.o")],
    status: 400,
    says: "invalid base64 encoding for label",
    leaves: [],
  },
  {
    name: "30 an empty label is a label",
    given: [put("/metrics/job/r30", "a 1\n")],
    requests: [put("/metrics/job/r30/x@base64/=", "a 2\n")],
    status: 200,
    leaves: [
      "a 1",
      'a{x=""} 2',
      "push_failure_time_seconds never",
      'push_failure_time_seconds{x=""} never',
      "push_time_seconds set",
      'push_time_seconds{x=""} set',
    ],
  },
  {
    name: "31 an empty value in the path is redirected away",
    requests: [put("/metrics/job/r31/x//y/1", "a 1\n")],
    status: 301,
    location: "/metrics/job/r31/x/y/1",
    leaves: [],
  },
  {
    name: "32 methods that a group does not have",
    requests: ["GET", "PATCH"].map((method) => ({ method, path: "/metrics/job/r32" })),
    status: 405,
    says: "Method Not Allowed",
    leaves: [],
  },
  {
    name: "33 a plain body that is said to be gzip",
    requests: [
      { ...put("/metrics/job/r33", "a 1\nb 2\nc 3\n"), headers: { "content-encoding": "gzip" } },
    ],
    status: 400,
    says: "gzip: invalid header",
    leaves: [],
  },
  {
    name: "33 a body that is gzip",
    requests: [
      { ...put("/metrics/job/r33b", gzipSync("a 1\n")), headers: { "content-encoding": "gzip" } },
    ],
    status: 200,
    leaves: ["a 1", ...PUSHED],
  },
  {
    name: "35 the admin API is off",
    requests: [put("/api/v1/admin/wipe")],
    status: 404,
    says: "404 page not found",
  },
  {
    name: "path labels win over the body's",
    requests: [put("/metrics/job/over/x/path", 'a{job="body",x="body",instance="i"} 1\n')],
    status: 200,
    leaves: [
      'a{instance="i",x="path"} 1',
      'push_failure_time_seconds{x="path"} never',
      'push_time_seconds{x="path"} set',
    ],
  },
];

/** Jobs are named after their rows, so that the rows can share a gateway. */
const jobOf = ({ requests }: Row) => /job\/([^/]+)/.exec(requests[0]?.path ?? "")?.[1];

describe.each(GATEWAYS)("$name", ({ start }) => {
  let gateway: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(() => gateway.close());

  test.each(ROWS)("$name", async (row) => {
    for (const request of row.given ?? []) {
      expect((await ask(gateway.url, request)).status).toBe(200);
    }
    for (const request of row.requests) {
      const answer = await ask(gateway.url, request);
      expect(answer).toMatchObject({ status: row.status, location: row.location });
      if (row.status === 301) continue;
      if (row.says === undefined) expect(answer.body).toBe("");
      else expect(answer.body).toContain(row.says);
    }
    if (row.leaves !== undefined) {
      expect(await seriesOf(gateway.url, jobOf(row) ?? "")).toEqual([...row.leaves].sort());
    }
  });

  test("an instance is added where there is none", async () => {
    await ask(gateway.url, put("/metrics/job/inst", "a 1\n"));
    expect(await scraped(gateway.url)).toContain('\na{instance="",job="inst"} 1\n');
  });

  test("what is pushed in base64 is exposed as text", async () => {
    await ask(gateway.url, put("/metrics/job@base64/c2xhL3No", "a 1\n"));
    expect(await scraped(gateway.url)).toContain('\na{instance="",job="sla/sh"} 1\n');
  });

  test("the API shows each group with its families", async () => {
    const pushed = '# HELP m Some help.\n# TYPE m counter\nm{x="1"} 7\n';
    await ask(gateway.url, put("/metrics/job/api/mode/live", pushed));
    const { body } = await ask(gateway.url, { method: "GET", path: "/api/v1/metrics" });
    const { status, data } = JSON.parse(body);
    expect(status).toBe("success");
    const group = data.find(({ labels }: { labels: { job: string } }) => labels.job === "api");
    expect(group).toMatchObject({
      labels: { job: "api", mode: "live" },
      last_push_successful: true,
      m: {
        time_stamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
        type: "COUNTER",
        help: "Some help.",
        metrics: [{ labels: { instance: "", job: "api", mode: "live", x: "1" }, value: "7" }],
      },
      push_time_seconds: { type: "GAUGE" },
    });
  });

  test("the API says when the last push of a group failed", async () => {
    await ask(gateway.url, put("/metrics/job/failing", "a 1 1\n"));
    const { body } = await ask(gateway.url, { method: "GET", path: "/api/v1/metrics" });
    const group = JSON.parse(body).data.find(
      ({ labels }: { labels: { job: string } }) => labels.job === "failing",
    );
    expect(group).toMatchObject({ last_push_successful: false });
  });

  test("the status names version, flags and start", async () => {
    const { body } = await ask(gateway.url, { method: "GET", path: "/api/v1/status" });
    expect(JSON.parse(body)).toMatchObject({
      status: "success",
      data: {
        build_information: { version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
        flags: { "persistence.file": "" },
        start_time: expect.stringMatching(/^\d{4}-/),
      },
    });
  });
});

/** The series of one job, sorted, without what all have in common. */
async function seriesOf(url: URL, job: string): Promise<string[]> {
  // Deletions are queued: a push behind them is answered when they are done.
  await ask(url, put("/metrics/job/sync"));
  const own = `job="${job}"`;
  const lines = (await scraped(url)).split("\n").filter((line) => line.includes(own));
  return lines.map((line) => shortened(line, own)).sort();
}

function shortened(line: string, own: string): string {
  const short = line
    .replace(/,?job="[^"]*"/, "")
    .replace(/instance="",?/, "")
    .replace("{,", "{")
    .replace("{}", "");
  if (!short.startsWith("push_")) return short;
  expect(line).toContain(own);
  return short.replace(/ \S+$/, (value) => (Number(value) === 0 ? " never" : " set"));
}

async function scraped(url: URL): Promise<string> {
  const { status, body } = await ask(url, { method: "GET", path: "/metrics" });
  expect(status).toBe(200);
  return body;
}
