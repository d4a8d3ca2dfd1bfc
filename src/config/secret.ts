import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import type { Origin, Setting } from "./origin.ts";
import type { Schema } from "./schema.ts";

/** A secret is never written into the file, only where to find it. */
export type SecretReference = { readonly env: string } | { readonly file: string };

export const secret: Schema<SecretReference> = {
  expected: '{ "env": "NAME" } or { "file": "PATH" }',
  read(value, path, problems) {
    const keys = typeof value === "object" && value !== null ? Object.entries(value) : [];
    const [name, at] = keys[0] ?? [];
    if (
      keys.length === 1 &&
      (name === "env" || name === "file") &&
      typeof at === "string" &&
      at !== ""
    ) {
      return value as SecretReference;
    }
    problems.push(`${path} must be ${this.expected}: secrets are not written into this file`);
    return undefined;
  },
};

/** The place in a file that a secret is named in, for messages. */
export type SecretPlace = { readonly file: string; readonly name: string };

/** The secret itself; undefined after noting a problem. */
export function readSecret(
  reference: SecretReference,
  { file, name }: SecretPlace,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Setting<string> | undefined {
  const place = `${file}: ${name}`;
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
