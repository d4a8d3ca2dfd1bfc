import { isUtf8 } from "node:buffer";
import { LABEL_NAME } from "../grouping-key.ts";
import { refusal } from "./refusals.ts";

export type GroupLabels =
  | {
      readonly labels: Readonly<Record<string, string>>;
      /** Name of a label whose value is not UTF-8. Such a group cannot exist, only be named. */
      readonly notUtf8?: string;
    }
  | { readonly problem: string };

/** Marks a label whose value is base64 in the path, with the URL-safe alphabet. */
export const BASE64_SUFFIX = "@base64";

/**
 * The decoded path of a request target, one character per byte, so that bytes which are no UTF-8
 * survive until they can be refused. Undefined when a percent sign begins no escape.
 */
export function decodedPath(target: string): string | undefined {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, "").replace(/\?.*$/s, "");
  if (/%(?![0-9a-f]{2})/i.test(path)) return undefined;
  const bytes = path.replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return bytes === "" ? "/" : bytes;
}

/**
 * The labels of `/metrics/job/<job>/<labels>` from its two path parameters.
 *
 * @param job the segment after `job` or `job@base64`.
 * @param rest what follows, beginning with `/`, or nothing.
 */
export function groupLabels(job: string, jobIsBase64: boolean, rest: string): GroupLabels {
  const jobValue = jobIsBase64 ? decodeBase64(job) : job;
  if (jobValue === undefined) {
    return { problem: `${refusal("job-not-base64").what} ${quoted(job)}` };
  }
  const values = new Map<string, string>();
  const components = rest.length <= 1 ? [] : rest.slice(1).split("/");
  if (components.length % 2 !== 0) {
    return { problem: `odd number of components in label string ${quoted(rest)}` };
  }
  for (let index = 0; index < components.length; index += 2) {
    const given = components[index] ?? "";
    const value = components[index + 1] ?? "";
    const isBase64 = given.endsWith(BASE64_SUFFIX);
    const name = isBase64 ? given.slice(0, -BASE64_SUFFIX.length) : given;
    if (!LABEL_NAME.test(name)) return { problem: `improper label name ${quoted(name)}` };
    const decoded = isBase64 ? decodeBase64(value) : value;
    if (decoded === undefined) {
      return { problem: `invalid base64 encoding for label ${name}=${quoted(value)}` };
    }
    values.set(name, decoded);
  }
  if (jobValue === "") return { problem: "job name is required" };
  values.set("job", jobValue);

  const labels: Record<string, string> = {};
  for (const [name, bytes] of values) {
    const buffer = Buffer.from(bytes, "latin1");
    if (!isUtf8(buffer)) return { labels, notUtf8: name };
    labels[name] = buffer.toString();
  }
  return { labels };
}

/** Padding is optional, and line breaks inside are skipped: the gateway's decoder does both. */
function decodeBase64(text: string): string | undefined {
  let end = text.length;
  while (text[end - 1] === "=") end--;
  const digits = text.slice(0, end).replace(/[\r\n]/g, "");
  // One digit beyond a multiple of four holds 6 bits: less than a byte.
  if (!/^[A-Za-z0-9_-]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  return Buffer.from(digits, "base64url").toString("latin1");
}

function quoted(bytes: string): string {
  return JSON.stringify(Buffer.from(bytes, "latin1").toString());
}
