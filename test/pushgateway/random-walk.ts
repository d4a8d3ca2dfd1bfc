import { gzipSync } from "node:zlib";
import type { GatewayRequest } from "./observe.ts";
import type { Random } from "./random.ts";

/** Few groups, so that requests meet; with everything a path can do among them. */
const GROUPS = [
  "/metrics/job/a",
  "/metrics/job/a",
  "/metrics/job/b",
  "/metrics/job/b/instance/x",
  "/metrics/job/a/mode/live",
  "/metrics/job/a/mode/paper/strategy/momentum",
  "/metrics/job/a/strategy/momentum/mode/paper",
  "/metrics/job@base64/YS9i",
  "/metrics/job/a/mode@base64/=",
  "/metrics/job/a/quantile/0.5",
];

const HOSTILE_PATHS = [
  "/metrics/job/a/instance@base64/=",
  "/metrics/job/a/le/1",
  "/metrics/job/a/le/1/instance/x",
  "/metrics/job/%ff",
  "/metrics/job/a/x@base64/_w",
  "/metrics/job/a/x",
  "/metrics/job/a/__x/1",
  "/metrics/job/a//x/1",
  "/metrics/job/a/x/..",
  "/metrics/job/",
  "/metrics/job/a/",
  "/metrics/job@base64/=",
  "/metrics/job/a/x%2Fy/z",
  "/metrics/job/%C3%A4/x/%20",
  "/METRICS/job/a",
  "/metrics/job/a/job/b",
  "/metrics/job/a/instance/x/instance/y",
];

/** Names with the type that they have, mostly. */
const TAME_FAMILIES = [
  ["m", "counter"],
  ["n", "gauge"],
  ["h", "histogram"],
  ["s", "summary"],
  ["u", undefined],
  ["process_cpu_seconds_total", "counter"],
] as const;

const NAMES = ["m", "m_count", "m_sum", "m_bucket", "n", "h", "s", "labels", "go_info"];
const RARE_NAMES = ["push_time_seconds", "push_failure_time_seconds", "__proto__", "a:b"];
const TYPES = ["counter", "gauge", "untyped", "histogram", "summary", undefined];
const LABELS = ["x", "x", "y", "job", "instance", "le", "quantile", "__x", "constructor"];
const LABEL_VALUES = ["", "1", "1.0", "0.5", "x", "\\n", '\\"', "ä", "+Inf", "NaN", " "];
const VALUES = [
  "0",
  "1",
  "2.5",
  "-1",
  "-0",
  "1e3",
  "1e21",
  "NaN",
  "+Inf",
  "-Inf",
  "1.9",
  "0x1",
  "",
];
const HELPS = ["", "one text", "another\\nline", "bad \\escape", "ä"];
const CHARACTERS = ["\n", " ", "\t", "{", "}", '"', ",", "\\", "#", "=", "1", "é", "\r", "\0", "_"];

/** A request that may mean anything, mostly something. */
export function randomRequest(random: Random): GatewayRequest {
  const path = random.chance(0.85) ? random.pick(GROUPS) : random.pick(HOSTILE_PATHS);
  if (random.chance(0.15)) return { method: "DELETE", path };
  if (random.chance(0.02)) return { method: random.pick(["GET", "PATCH", "OPTIONS"]), path };
  const method = random.chance(0.5) ? "PUT" : "POST";
  const text = random.chance(0.03) ? "" : randomBody(random);
  const body = random.chance(0.12) ? mutated(text, random) : Buffer.from(text);
  if (!random.chance(0.1)) return { method, path, body };
  const headers = { "content-encoding": "gzip" };
  return { method, path, headers, body: random.chance(0.8) ? gzipSync(body) : body };
}

/** Mostly what a client would send, so that there is something to lose; else anything. */
function randomBody(random: Random): string {
  if (random.chance(0.35)) {
    return Array.from({ length: 1 + random.below(3) }, () => wildFamily(random)).join("");
  }
  const families = TAME_FAMILIES.filter(() => random.chance(0.4));
  return families.map(([name, type]) => tameFamily(name, type, random)).join("");
}

/** Series with labels of their own. Now and then the type changes. */
function tameFamily(name: string, usualType: string | undefined, random: Random): string {
  const type = random.chance(0.97) ? usualType : random.pick(TYPES);
  const samples = ["0", "1", "2"].filter((_, index) => index === 0 || random.chance(0.4));
  const lines = samples.map((y) => {
    const more = random.chance(0.2) ? [`${random.pick(["job", "instance", "x"])}="b"`] : [];
    return randomSample(name, type, [`y="${y}"`, ...more], random);
  });
  return `${type === undefined ? "" : `# TYPE ${name} ${type}\n`}${lines.join("")}`;
}

function wildFamily(random: Random): string {
  const name = random.chance(0.95) ? random.pick(NAMES) : random.pick(RARE_NAMES);
  const type = random.pick(TYPES);
  const help = random.chance(0.2) ? `# HELP ${name} ${random.pick(HELPS)}\n` : "";
  const typeLine = type === undefined ? "" : `# TYPE ${name} ${type}\n`;
  const head = random.chance(0.9) ? `${help}${typeLine}` : `${typeLine}${help}`;
  const samples = Array.from({ length: random.below(3) + 1 }, () => {
    const labels = Array.from({ length: random.below(3) }, () => randomLabel(random));
    return randomSample(name, type, labels, random);
  });
  return head + samples.join("");
}

function randomSample(
  name: string,
  type: string | undefined,
  labels: readonly string[],
  random: Random,
): string {
  const value = () => (random.chance(0.97) ? `${random.below(9)}` : random.pick(VALUES));
  const line = (series: string, pairs: readonly string[]) => {
    const timestamp = random.chance(0.003) ? " 1000" : "";
    return `${series}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value()}${timestamp}\n`;
  };
  if (type === "histogram" && random.chance(0.9)) {
    const bounds = ["0.1", "1", "1e6", "+Inf"].slice(0, 1 + random.below(4));
    const buckets = bounds.map((le) => line(`${name}_bucket`, [...labels, `le="${le}"`]));
    return [...buckets, line(`${name}_sum`, labels), line(`${name}_count`, labels)].join("");
  }
  if (type === "summary" && random.chance(0.9)) {
    const quantiles = ["0.5", "0.99"].map((q) => line(name, [...labels, `quantile="${q}"`]));
    return [...quantiles, line(`${name}_sum`, labels), line(`${name}_count`, labels)].join("");
  }
  return line(name, labels);
}

function randomLabel(random: Random): string {
  return `${random.pick(LABELS)}="${random.pick(LABEL_VALUES)}"`;
}

/** One small damage, as a broken client or a bad line would do it; bytes that are no text too. */
function mutated(text: string, random: Random): Buffer {
  const body = Buffer.from(text);
  const at = random.below(body.length + 1);
  const [before, after] = [body.subarray(0, at), body.subarray(at)];
  switch (random.below(5)) {
    case 0:
      return Buffer.concat([before, after.subarray(1)]);
    case 1:
      return Buffer.concat([before, Buffer.from(random.pick(CHARACTERS)), after]);
    case 2:
      return Buffer.concat([before, Buffer.from([0x80 + random.below(0x80)]), after]);
    case 3:
      return Buffer.from(before);
    default:
      return Buffer.concat([body, before]);
  }
}
