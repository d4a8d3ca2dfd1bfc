import { InvalidGroupingKeyError } from "./errors.ts";

/**
 * The grouping key: the label set that names one metric group on a Pushgateway.
 *
 * A group is addressed by URL path, so encoding is part of the key's meaning: two keys that encode
 * to the same path are the same group. Made by {@link groupingKey}, which validates.
 */
export type GroupingKey = {
  /** Value of the `job` label. Never empty. */
  readonly job: string;
  /** Further labels, in the order of their names. */
  readonly labels: Readonly<Record<string, string>>;
};

/** Legacy Prometheus label names; a leading `__` is reserved for Prometheus itself. */
export const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Longest label value in bytes. Prometheus has no limit of its own; a longer one is a mistake. */
export const MAX_LABEL_VALUE_BYTES = 1024;

/**
 * What cannot survive as a plain path segment. The gateway splits the *decoded* path, and HTTP
 * clients resolve `.` and `..`, so everything unusual travels base64url-encoded.
 */
const PLAIN_SEGMENT = /^[A-Za-z0-9_-]+$/;

/** A histogram's and a summary's own labels: in a grouping key they collide inside the scrape. */
const SERIES_LABELS = new Set(["le", "quantile"]);

/**
 * Validates and sorts, so that one set of labels always gives one path.
 *
 * @throws {InvalidGroupingKeyError} for an empty job, an unusable or reserved label name, an empty
 * `instance` (the gateway adds one itself, and both would be the same series), or a value that is
 * not text: not a string, longer than 1 KB, with control characters or half a surrogate pair.
 */
export function groupingKey(
  job: string,
  labels: Readonly<Record<string, string>> = {},
): GroupingKey {
  if (job === "") throw new InvalidGroupingKeyError("job is empty: a group needs a job name");
  checkValue("job", job);

  const sorted: Record<string, string> = {};
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name];
    if (name === "job") {
      throw new InvalidGroupingKeyError("label job is given twice: as the job and in the labels");
    }
    if (!LABEL_NAME.test(name)) {
      throw new InvalidGroupingKeyError(
        `label name ${JSON.stringify(name)} is not usable: letters, digits and _, not first a digit, not first __`,
      );
    }
    if (SERIES_LABELS.has(name)) {
      throw new InvalidGroupingKeyError(
        `label ${name} belongs to histograms and summaries and cannot be a grouping label`,
      );
    }
    checkValue(name, value);
    if (name === "instance" && value === "") {
      throw new InvalidGroupingKeyError(
        'label instance is empty: the gateway adds instance="" itself; leave it out',
      );
    }
    sorted[name] = value;
  }
  return { job, labels: sorted };
}

/**
 * Path of a group below the gateway's base URL, e.g. `/metrics/job/backtest/strategy/momentum`.
 *
 * @throws {InvalidGroupingKeyError} for a key that was made by hand and that {@link groupingKey}
 * would not make: a label name with a slash would address somebody else's group.
 */
export function groupPath(key: GroupingKey): string {
  const { job, labels } = groupingKey(key.job, key.labels);
  const segments = [segment("job", job)];
  for (const [name, value] of Object.entries(labels)) segments.push(segment(name, value));
  return `/metrics/${segments.join("/")}`;
}

/** The key as PromQL writes it, `{job="backtest",strategy="momentum"}`: for people and as map key. */
export function formatGroupingKey({ job, labels }: GroupingKey): string {
  const parts = Object.entries({ job, ...labels }).map(([k, v]) => `${k}=${JSON.stringify(v)}`);
  return `{${parts.join(",")}}`;
}

function segment(name: string, value: string): string {
  if (PLAIN_SEGMENT.test(value)) return `${name}/${value}`;
  // A lone `=` is the gateway's own spelling of the empty value: an empty segment would vanish.
  if (value === "") return `${name}@base64/=`;
  return `${name}@base64/${Buffer.from(value).toString("base64url")}`;
}

function checkValue(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw new InvalidGroupingKeyError(`label ${name} must be a string, not ${typeof value}`);
  }
  const problem = labelValueProblem(value);
  if (problem !== undefined) throw new InvalidGroupingKeyError(`label ${name} ${problem}`);
}

/**
 * Why a string cannot be a label value, as the end of a sentence; undefined when it can.
 * Control characters are legal to Prometheus and are refused here all the same: in the name of a
 * group or a series they are always an accident, and one that nobody can see.
 */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > MAX_LABEL_VALUE_BYTES || Buffer.byteLength(value) > MAX_LABEL_VALUE_BYTES) {
    return `is longer than ${MAX_LABEL_VALUE_BYTES} bytes`;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(value)) return "holds a control character";
  // With the u flag a surrogate matches only when it is not half of a pair.
  if (/\p{Surrogate}/u.test(value)) return "is not well-formed Unicode";
  return undefined;
}
