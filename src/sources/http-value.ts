import { SourceError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { getJson } from "./get-json.ts";
import { httpGet } from "./http-get.ts";
import { httpTarget } from "./http-target.ts";
import { formatJsonPath, kindOf, lookUp, parseJsonPath } from "./json-path.ts";
import { quote } from "./quote.ts";
import type { ValueSource } from "./value-source.ts";

export type HttpValueOptions = {
  /** Of the endpoint, http or https. User-info in it is sent as basic auth. */
  readonly url: string | URL;
  /** Where in a JSON document the value is, see {@link parseJsonPath}. Absent: the body is the value. */
  readonly path?: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
};

const NAME = "http";

/** Characters of a body that is one value. A longer one is a page or a log. */
const MAX_PLAIN_LENGTH = 1024;

/**
 * One scalar from an HTTP endpoint, by one GET. Null when the path leads to null or nowhere; an array
 * or object there is an error. Without a path the body is the value: plain text without the space
 * around it, or a scalar in JSON.
 *
 * @throws {InvalidOptionError}
 */
export function createHttpValue(options: HttpValueOptions): ValueSource {
  const what = "createHttpValue";
  refuseUnknownKeys(options, ["url", "path", "token", "ca"], what);
  const { url, path: pathText, token, ca } = options;
  const target = httpTarget({ url, token, ca }, what);
  const fail = (problem: string) =>
    new SourceError(NAME, `GET ${target.shown} answered ${problem}`);

  if (pathText === undefined) {
    return {
      describe: `GET ${target.shown}`,
      read: async (signal) => {
        const { text, contentType } = await httpGet(NAME, target, signal);
        const value = text.trim();
        if (/^text\/html/i.test(contentType) || /^<(?:!doctype|html|\?xml)/i.test(value)) {
          throw fail(`a page, not a value: ${quote(value, target.secrets)}; check the URL`);
        }
        if (value.length > MAX_PLAIN_LENGTH) {
          throw fail(`${value.length} characters, too many for one value; give the path of one`);
        }
        const isStructured = /^[[{"]/.test(value) || value === "null";
        const json = isStructured ? parseOrUndefined(value) : undefined;
        // Numbers as they were written: `1.0` is not `1` to everybody.
        if (json === undefined) return value;
        return textOf(json, (kind) => fail(`${kind}, not a value; give the path of one`));
      },
    };
  }
  const path = parseJsonPath(pathText, `${what}: path`);
  const shownPath = formatJsonPath(path);
  return {
    describe: `GET ${target.shown}, ${shownPath}`,
    read: async (signal) => {
      const found = lookUp(await getJson(NAME, target, signal), path);
      if (!found.isFound) return null;
      return textOf(found.value, (kind) => fail(`${kind} at ${shownPath}, not a value`));
    },
  };
}

function textOf(value: unknown, fail: (kind: string) => SourceError): string | null {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "boolean") return `${value}`;
  if (typeof value !== "number") throw fail(kindOf(value));
  if (!Number.isFinite(value)) throw fail("a number too large");
  return `${value}`;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
