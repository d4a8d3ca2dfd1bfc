import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import type { Origin, Setting } from "./origin.ts";
import { type FetchedParameters, readParameter } from "./parameters.ts";
import type { Schema } from "./schema.ts";

/** A secret is never written into the file, only where to find it. */
export type SecretReference =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly ssm: string };

/** What a parameter of SSM may be called, or its ARN, with a version or label behind a colon. */
const PARAMETER_NAME = /^[\w.:/-]+$/;

export const secret: Schema<SecretReference> = {
  expected: '{ "env": "NAME" }, { "file": "PATH" } or { "ssm": "NAME" }',
  read(value, path, problems) {
    const keys = typeof value === "object" && value !== null ? Object.entries(value) : [];
    const [name, at] = keys[0] ?? [];
    if (
      keys.length === 1 &&
      (name === "env" || name === "file" || name === "ssm") &&
      typeof at === "string" &&
      at !== ""
    ) {
      if (name !== "ssm" || PARAMETER_NAME.test(at)) return value as SecretReference;
      // Not what stands there: it may be the secret itself.
      problems.push(`${path}.ssm is no name of a parameter: letters, digits and . - _ / make one`);
      return undefined;
    }
    problems.push(`${path} must be ${this.expected}: secrets are not written into this file`);
    return undefined;
  },
};

/** The place in a file that a secret is named in, for messages. */
export type SecretPlace = { readonly file: string; readonly name: string };

/** Where secrets are. */
export type SecretSources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly parameters?: FetchedParameters;
};

/** The secret itself; undefined after noting a problem. */
export function readSecret(
  reference: SecretReference,
  { file, name }: SecretPlace,
  { env, parameters }: SecretSources,
  problems: string[],
): Setting<string> | undefined {
  const place = `${file}: ${name}`;
  if ("ssm" in reference) {
    const value = readParameter(reference.ssm, place, parameters, problems);
    const origin: Origin = { type: "ssm", name: reference.ssm, namedIn: file };
    return value === undefined ? undefined : { value, origin };
  }
  if ("env" in reference) {
    const value = env[reference.env];
    const origin: Origin = { type: "environment", name: reference.env, namedIn: file };
    if (value) return { value, origin };
    problems.push(`${place}: the environment variable ${reference.env} is not set`);
    return undefined;
  }
  const path = resolve(dirname(file), reference.file);
  try {
    const value = readFileSync(path, "utf8").trimEnd();
    if (value !== "") return { value, origin: { type: "file", path, namedIn: file } };
    problems.push(`${place}: ${reference.file} is empty`);
  } catch (error) {
    problems.push(`${place} cannot be read: ${messageOf(error)}`);
  }
  return undefined;
}
