import { gzipSync } from "node:zlib";
import type { GatewayRequest } from "./observe.ts";

export type NamedCase = {
  readonly name: string;
  /** Sent in this order to gateways that hold nothing of these groups. */
  readonly requests: readonly GatewayRequest[];
};

const J = "/metrics/job/j";

const put = (path: string, body: string | Buffer = ""): GatewayRequest => ({
  method: "PUT",
  path,
  body,
});
const post = (path: string, body: string | Buffer = ""): GatewayRequest => ({
  method: "POST",
  path,
  body,
});
const del = (path: string, body = ""): GatewayRequest => ({ method: "DELETE", path, body });
const ask = (method: string, path: string): GatewayRequest => ({ method, path });
const gzip = (request: GatewayRequest): GatewayRequest => ({
  ...request,
  headers: { "content-encoding": "gzip" },
});

/** One PUT with this body. */
const body = (name: string, text: string | Buffer): NamedCase => ({
  name: `body: ${name}`,
  requests: [put(J, text)],
});
/** One PUT of `a 1` to this path, and its deletion. */
const path = (name: string, target: string): NamedCase => ({
  name: `path: ${name}`,
  requests: [put(target, "a 1\n"), del(target)],
});

const HISTOGRAM =
  '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n';
const SUMMARY = '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 4\ns_count 3\n';
const GZIPPED = gzipSync("a 1\nb 2\n");
const bytes = (...parts: readonly (string | number)[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(typeof part === "string" ? part : [part])));

/**
 * Not among them: a job in damaged base64, after which the real gateway answers no push to a base64
 * job any more (`refusals.test.ts` shows it).
 */
export const NAMED_CASES: readonly NamedCase[] = [
  { name: "PUT replaces the group", requests: [put(J, "a 1\n"), put(J, "b 2\n")] },
  { name: "POST keeps other families", requests: [put(J, "a 1\n"), post(J, "b 2\n")] },
  {
    name: "POST replaces a family whole",
    requests: [post(J, 'a{x="1"} 1\na{x="2"} 2\n'), post(J, 'a{x="1"} 3\n')],
  },
  { name: "an empty POST renews the push time", requests: [put(J, "a 1\n"), post(J)] },
  { name: "an empty PUT clears the group", requests: [put(J, "a 1\n"), put(J)] },
  { name: "an empty PUT makes a group", requests: [put(J)] },
  { name: "DELETE", requests: [put(J, "a 1\n"), del(J)] },
  { name: "DELETE of an unknown group", requests: [del("/metrics/job/unknown")] },
  { name: "DELETE matches exactly", requests: [put(`${J}/instance/x`, "a 1\n"), del(J)] },
  { name: "DELETE ignores its body", requests: [put(J, "a 1\n"), del(J, "rubbish")] },
  {
    name: "one group whatever the order of its labels",
    requests: [put(`${J}/x/1/y/2`, "a 1\n"), put(`${J}/y/2/x/1`, "b 1\n")],
  },
  {
    name: "path labels win",
    requests: [put(`${J}/x/path`, 'a{job="body",x="body",y="body"} 1\n')],
  },
  { name: "an instance in the body stays", requests: [put(J, 'a{instance="i"} 1\n')] },
  {
    name: "an instance in the path wins",
    requests: [put(`${J}/instance/path`, 'a{instance="i"} 1\n')],
  },
  {
    name: "labels that become the same are the same series",
    requests: [put(`${J}/x/path`, 'a{x="1"} 1\na{x="2"} 2\n')],
  },
  { name: "an absent and an empty instance", requests: [put(J, 'a{instance=""} 1\na 2\n')] },
  {
    name: "the same series in two groups",
    requests: [
      put(J, 'a{instance="x"} 1\n'),
      put(`${J}/instance/x`, "a 1\n"),
      put(`${J}/instance/x`, "b 1\n"),
    ],
  },
  { name: "a timestamp on a new group", requests: [put(J, "a 1 1000\n")] },
  {
    name: "a timestamp on an existing group, then a good push",
    requests: [put(J, "a 1\n"), post(J, "b 1 1000\n"), post(J, "c 1\n")],
  },
  { name: "a timestamp in one of several families", requests: [put(J, "a 1\nb 1 0\nc 1\n")] },
  {
    name: "a series twice on an existing group",
    requests: [put(J, "a 1\n"), put(J, "b 1\nb 2\n")],
  },
  {
    name: "another type in another group",
    requests: [
      put("/metrics/job/one", "# TYPE m counter\nm 1\n"),
      put("/metrics/job/two", "# TYPE m gauge\nm 1\n"),
      del("/metrics/job/one"),
      put("/metrics/job/two", "# TYPE m gauge\nm 1\n"),
    ],
  },
  {
    name: "another type in the only group",
    requests: [put(J, "# TYPE m counter\nm 1\n"), post(J, "# TYPE m gauge\nm 1\n")],
  },
  {
    name: "another help in another group",
    requests: [
      put("/metrics/job/one", "# HELP m a\nm 1\n"),
      put("/metrics/job/two", "# HELP m b\nm 1\n"),
    ],
  },
  {
    name: "a histogram's suffixes in another group",
    requests: [
      put("/metrics/job/one", HISTOGRAM),
      put("/metrics/job/two", "h_bucket 1\n"),
      put("/metrics/job/two", "h_sum 1\n"),
      put("/metrics/job/two", "h_count 1\n"),
      put("/metrics/job/two", "h_max 1\n"),
    ],
  },
  {
    name: "a summary's suffixes in another group",
    requests: [
      put("/metrics/job/one", SUMMARY),
      put("/metrics/job/two", "s_bucket 1\n"),
      put("/metrics/job/two", "s_sum 1\n"),
      put("/metrics/job/two", "s_count 1\n"),
    ],
  },
  {
    name: "a histogram where its suffixes are taken",
    requests: [put("/metrics/job/one", "h_bucket 1\n"), put("/metrics/job/two", HISTOGRAM)],
  },
  {
    name: "a summary where only _bucket is taken",
    requests: [put("/metrics/job/one", "s_bucket 1\n"), put("/metrics/job/two", SUMMARY)],
  },
  {
    name: "the gateway's own names",
    requests: [
      put(J, "# TYPE go_goroutines gauge\ngo_goroutines 1\n"),
      put(J, "# TYPE go_goroutines counter\ngo_goroutines 1\n"),
      put(J, "# TYPE go_gc_duration_seconds_count gauge\ngo_gc_duration_seconds_count 1\n"),
      put(J, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n"),
      put(J, "pushgateway_build_info 1\n"),
    ],
  },
  {
    name: "push_time_seconds pushed",
    requests: [put(J, "push_time_seconds 7\n"), post(J, "push_time_seconds 7\n")],
  },
  {
    name: "push_failure_time_seconds pushed to a new group",
    requests: [put(J, "push_failure_time_seconds 7\n")],
  },
  {
    name: "push_failure_time_seconds pushed to an existing group",
    requests: [
      put(J),
      put(J, "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 7\n"),
    ],
  },
  {
    name: "families named as keys of the API",
    requests: [put(J, "labels 1\nlast_push_successful 1\n__proto__ 1\n")],
  },

  body("no final line feed", "a 1"),
  body("no syntax", "blablabla\n"),
  body("CRLF", "a 1\r\n"),
  body("a byte order mark", "\ufeffa 1\n"),
  body("blank lines", "\n  \n\t\na 1\n \n  "),
  body("a comment without line feed", "#"),
  body("comments", "# a\n#b\n#\n# \n#  HELP\n# TYPE\na 1\n"),
  body("tabs", '#\tTYPE\ta\tcounter\na{x="1"}\t1\n'),
  body("a TYPE line alone", "# TYPE x counter\n"),
  body("two TYPE lines", "# TYPE x counter\n# TYPE x counter\nx 1\n"),
  body("TYPE after a sample", "x 1\n# TYPE x counter\n"),
  body("an unknown type", "# TYPE x info\nx 1\n"),
  body("a type in capitals", "# TYPE x COUNTER\nx 1\n"),
  body("a blank after the type", "# TYPE x counter \nx 1\n"),
  body("a backslash in the type", "# TYPE x coun\\ter\nx 1\n"),
  body("gauge_histogram", "# TYPE x gauge_histogram\nx 1\n"),
  body("two HELP lines", "# HELP x a\n# HELP x b\nx 1\n"),
  body("HELP after a sample", "x 1\n# HELP x b\n"),
  body("HELP with escapes", "# HELP x a\\\\b\\nc\nx 1\n"),
  body("HELP with a bad escape", "# HELP x a\\q\nx 1\n"),
  body("HELP ending in a backslash", "# HELP x a\\\nx 1\n"),
  body("values", "a NaN\nb +Inf\nc -Inf\nd 1e3\ne -0\nf .5\ng 5.\nh 1e-999\ni Infinity\n"),
  body("a negative counter", "# TYPE c counter\nc -5\n"),
  body("an overflow", "a 1e999\n"),
  body("a hexadecimal value", "a 0x10\n"),
  body("an underscore in a value", "a 1_000\n"),
  body("a signed NaN", "a +NaN\n"),
  body("no value", "a\n"),
  body("a blank after the value", "a 1 \n"),
  body("a blank after the timestamp", "a 1 5 \n"),
  body("a timestamp out of range", "a 1 9223372036854775808\n"),
  body("the last timestamp in range", "a 1 -9223372036854775808\n"),
  body("a fraction as timestamp", "a 1 1.5\n"),
  body("empty label set", "a{} 1\n"),
  body("a comma alone", "a{,} 1\n"),
  body("a comma at the end", 'a{x="1",} 1\n'),
  body("blanks around labels", 'a { x = "1" , y = "2" } 1\n'),
  body("no blank before the value", 'a{x="1"}1\n'),
  body("a label twice", 'a{x="1",x="1"} 1\n'),
  body("le twice", '# TYPE h histogram\nh_bucket{le="1",le="2"} 1\n'),
  body("label escapes", 'a{x="\\\\ \\" \\n"} 1\n'),
  body("a bad label escape", 'a{x="\\t"} 1\n'),
  body("a line feed in a label", 'a{x="1\n2"} 1\n'),
  body("an empty label value", 'a{x=""} 1\n'),
  body("label __name__", 'a{__name__="b"} 1\n'),
  body("a reserved label", 'a{__x="b"} 1\n'),
  body("a label with a colon", 'a{x:y="b"} 1\n'),
  body("a metric with a colon", ":a:b 1\n"),
  body("a metric beginning with a digit", "1a 1\n"),
  body("a label value that is not UTF-8", bytes('a{x="', 0xff, '"} 1\n')),
  body("a label value that is not UTF-8, then rubbish", bytes('a{x="', 0xff, '"} 1\nrubbish\n')),
  body("rubbish, then a label value that is not UTF-8", bytes('rubbish\na{x="', 0xff, '"} 1\n')),
  body("a help text that is not UTF-8", bytes("# HELP a ", 0xff, "\na 1\n")),
  body("a help text that is not UTF-8 and nothing else", bytes("# HELP a ", 0xff, "\n")),
  body("a comment that is not UTF-8", bytes("# ", 0xff, '\na{x="ä"} 1\n')),
  body("control characters", 'a{x="\u0001\u007f\u2028"} 1\n'),
  body("a histogram", HISTOGRAM),
  body("a histogram without +Inf", '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 4\nh_count 3\n'),
  body("a histogram of a count only", "# TYPE h histogram\nh_count 3\n"),
  body("a histogram's own name", "# TYPE h histogram\nh 3\n"),
  body(
    "a histogram with odd counts",
    '# TYPE h histogram\nh_bucket{le="1"} -1\nh_bucket{le="2"} NaN\nh_bucket{le="3"} 1.9\nh_count Inf\n',
  ),
  body("a bucket twice", '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1"} 2\n'),
  body("buckets out of order", '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="1"} 2\n'),
  body("a bound that is no number", '# TYPE h histogram\nh_bucket{le="x"} 1\n'),
  body(
    "histograms of several label sets",
    '# TYPE h histogram\nh_bucket{x="1",le="1"} 1\nh_bucket{le="1",x="2"} 2\nh_count{x="1"} 3\n',
  ),
  body("a summary", SUMMARY),
  body("a summary without quantiles", "# TYPE s summary\ns_sum 1\ns_count 2\n"),
  body("quantile NaN", '# TYPE s summary\ns{quantile="NaN"} 1\n'),
  body("suffixes without a type", 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'),
  body(
    "a family in the way of a summary's count",
    "# TYPE x_count gauge\nx_count 1\n# TYPE x summary\nx_sum 1\n",
  ),
  body("TYPE for a summary's count", "# TYPE x summary\n# TYPE x_count gauge\nx_count 1\n"),

  path("job alone", J),
  path("job in base64", "/metrics/job@base64/dGUvc3Q="),
  path("job in base64 without padding", "/metrics/job@base64/dGUvc3Q"),
  path("job in base64 with too much padding", "/metrics/job@base64/dGUvc3Q===="),
  path("job in base64, empty", "/metrics/job@base64/="),
  path("job in base64 with a line break", "/metrics/job@base64/dGUv%0Ac3Q"),
  path("a label in base64", `${J}/x@base64/YS9i`),
  path("an empty label in base64", `${J}/x@base64/=`),
  path("a label in damaged base64", `${J}/x@base64/fo.o`),
  path("base64 twice", `${J}/x@base64@base64/YQ`),
  path("an odd component", `${J}/x`),
  path("a trailing slash", `${J}/`),
  path("an empty last value", `${J}/x/`),
  path("one component too many", `${J}/x/1/`),
  path("an empty value in the middle", `${J}/x//y/1`),
  path("a dot", `${J}/x/./y/1`),
  path("two dots", `${J}/x/../y/1`),
  path("an escaped slash", `${J}/x/a%2Fb/1`),
  path("an escaped slash in the job", "/metrics/job/a%2Fb"),
  path("two escaped slashes", `${J}/x/%2F%2F/1`),
  path("an escaped dot", `${J}/x/%2e/1`),
  path("a bad escape", `${J}/x/%zz`),
  path("a space and a plus", `${J}/x/a%20+b`),
  path("UTF-8", `${J}/x/%C3%A4`),
  path("a control character", `${J}/x/%00`),
  path("a query", `${J}?x=1`),
  path("a query and a redirect", "/metrics//job/j?x=1"),
  path("a label name with =", `${J}/a=b/1`),
  path("a reserved label name", `${J}/__x/1`),
  path("a label name with a colon", `${J}/b:c/1`),
  path("a label name with a digit first", `${J}/1b/1`),
  path("job twice", `${J}/job/k`),
  path("a label twice", `${J}/x/1/x/2`),
  path("le without a histogram", `${J}/le/1`),
  path("quantile", `${J}/quantile/1`),
  path("no job", "/metrics/job"),
  path("no job, slash", "/metrics/job/"),
  path("no job in base64", "/metrics/job@base64/"),
  path("no labels at all", "/metrics"),
  path("something else", "/nope"),
  path("other letter case", "/Metrics/Job/J/x/y"),
  path("an empty instance", `${J}/instance@base64/=`),
  path("a job that is not UTF-8", "/metrics/job/%ff"),
  path("a label that is not UTF-8", `${J}/x@base64/_w`),
  {
    name: "not UTF-8 and not parsed",
    requests: [put("/metrics/job/%ff", "rubbish\n"), put("/metrics/job/%ff/x", "a 1\n")],
  },
  {
    name: "twin groups, the empty instance second",
    requests: [put(J, "a 1\n"), put(`${J}/instance@base64/=`, "b 1\n")],
  },
  {
    name: "twin groups, the empty instance first",
    requests: [put(`${J}/instance@base64/=`, "b 1\n"), put(J, "a 1\n")],
  },
  {
    name: "twin groups, one with a timestamp only",
    requests: [put(J, "a 1\n"), put(`${J}/instance@base64/=`, "b 1 5\n")],
  },
  { name: "le with a histogram", requests: [put(`${J}/le/1`, HISTOGRAM)] },
  {
    name: "le with a histogram and a timestamp",
    requests: [put(`${J}/le/1`, `${HISTOGRAM}a 1 1\n`)],
  },
  { name: "quantile with a summary", requests: [put(`${J}/quantile/1`, SUMMARY)] },

  { name: "gzip", requests: [gzip(put(J, GZIPPED))] },
  {
    name: "gzip in two members",
    requests: [gzip(put(J, Buffer.concat([GZIPPED, gzipSync("c 3\n")])))],
  },
  { name: "gzip claimed, plain body", requests: [gzip(put(J, "a 1\n"))] },
  {
    name: "gzip claimed, no body",
    requests: [gzip(put(J)), gzip(del(J)), gzip(ask("GET", "/metrics"))],
  },
  { name: "gzip claimed, no route", requests: [gzip(put("/nope")), gzip(put("/metrics//job/j"))] },
  { name: "gzip cut in its header", requests: [gzip(put(J, GZIPPED.subarray(0, 9)))] },
  { name: "gzip without its checksum", requests: [gzip(put(J, GZIPPED.subarray(0, -8)))] },
  {
    name: "gzip, the name in capitals",
    requests: [{ ...put(J, GZIPPED), headers: { "content-encoding": "GZIP" } }],
  },
  {
    name: "deflate",
    requests: [{ ...put(J, "a 1\n"), headers: { "content-encoding": "deflate" } }],
  },
  { name: "gzip on a DELETE", requests: [put(J, "a 1\n"), gzip({ ...del(J), body: GZIPPED })] },
  {
    name: "protobuf",
    requests: [
      {
        ...put(J),
        headers: {
          "content-type":
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        },
      },
    ],
  },
  {
    name: "an incomplete protobuf type is text",
    requests: [
      { ...put(J, "a 1\n"), headers: { "content-type": "application/vnd.google.protobuf" } },
    ],
  },
  { name: "a body cut off at a line end", requests: [{ ...put(J, "a 1\nb 2\n"), cutAfter: 4 }] },

  {
    name: "methods of a group",
    requests: ["GET", "HEAD", "PATCH", "OPTIONS"].map((method) => ask(method, J)),
  },
  {
    name: "methods of the scrape",
    requests: ["HEAD", "PUT", "POST", "DELETE", "OPTIONS"].map((method) => ask(method, "/metrics")),
  },
  {
    name: "health",
    requests: ["/-/ready", "/-/healthy"].flatMap((target) =>
      ["GET", "HEAD", "POST", "OPTIONS"].map((method) => ask(method, target)),
    ),
  },
  { name: "health with a slash", requests: [ask("GET", "/-/ready/"), ask("PUT", "/-/ready/")] },
  {
    name: "the API",
    requests: [
      ask("GET", "/api/v1/metrics"),
      ask("GET", "/api/v1/status"),
      ask("PUT", "/api/v1/metrics"),
      ask("HEAD", "/api/v1/status"),
      ask("OPTIONS", "/api/v1/metrics"),
      ask("OPTIONS", "/api/v1/anything"),
      ask("GET", "/api/v1/anything"),
      ask("GET", "/api/v1"),
      ask("GET", "/api/v1/"),
      ask("GET", "/api//v1/metrics"),
    ],
  },
  {
    name: "wipe is off",
    requests: [ask("PUT", "/api/v1/admin/wipe"), ask("POST", "/api/v1/admin/wipe")],
  },
  {
    name: "quit is off",
    requests: ["PUT", "POST", "GET", "DELETE"].map((method) => ask(method, "/-/quit")),
  },
  { name: "OPTIONS of nothing", requests: [ask("OPTIONS", "/nope")] },
];
