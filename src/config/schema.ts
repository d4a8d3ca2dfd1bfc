import { unknownKey } from "../options.ts";

/**
 * A small schema language for closing-bell.json: it reads a value, notes every problem with its
 * place, and knows enough of itself to be documented. A general schema library knows neither the
 * nearest name of a mistyped key nor where a value may come from.
 */
export type Schema<T> = {
  /** What is expected, for messages and for the reference: "an http(s) URL". */
  readonly expected: string;
  /** The value read, or undefined after noting a problem. */
  read(value: unknown, path: string, problems: string[]): T | undefined;
};

export type Field<T> = { readonly schema: Schema<T>; readonly doc: string };

type Fields = Readonly<Record<string, Field<unknown>>>;

type Read<F extends Fields> = {
  readonly [Name in keyof F]?: F[Name] extends Field<infer T> ? T : never;
};

export function field<T>(schema: Schema<T>, doc: string): Field<T> {
  return { schema, doc };
}

export function text(
  expected = "a string that is not empty",
  accepts: (value: string) => boolean = (value) => value !== "",
): Schema<string> {
  return {
    expected,
    read: (value, path, problems) =>
      typeof value === "string" && accepts(value) ? value : note(problems, path, expected),
  };
}

export const timeZone = text("a time zone such as America/New_York", (name) => {
  try {
    return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
});

/** A finite number; a limit is for `accepts` to know, and for `expected` to say. */
export function number(
  expected = "a number",
  accepts: (value: number) => boolean = () => true,
): Schema<number> {
  return {
    expected,
    read: (value, path, problems) =>
      typeof value === "number" && Number.isFinite(value) && accepts(value)
        ? value
        : note(problems, path, expected),
  };
}

export function oneOf<const T extends string>(values: readonly T[]): Schema<T> {
  const expected = `one of ${values.join(", ")}`;
  return {
    expected,
    read: (value, path, problems) =>
      values.find((known) => known === value) ?? note(problems, path, expected),
  };
}

/** Exactly these keys, each optional; another is refused with the nearest one. */
export function object<F extends Fields>(fields: F): Schema<Read<F>> & { readonly fields: F } {
  return {
    expected: "an object",
    fields,
    read(value, path, problems) {
      if (!isObject(value)) return note(problems, path, "an object");
      const known = Object.keys(fields);
      const result: Record<string, unknown> = {};
      for (const [key, given] of Object.entries(value)) {
        const known_ = Object.hasOwn(fields, key) ? fields[key] : undefined;
        if (known_ === undefined) {
          problems.push(`${path === "" ? "" : `${path}: `}${unknownKey(key, known)}`);
          continue;
        }
        const read = known_.schema.read(given, join(path, key), problems);
        if (read !== undefined) result[key] = read;
      }
      return result as Read<F>;
    },
  };
}

/** Like `object`, with keys that must be there. */
export function required<T extends object, const Key extends keyof T & string>(
  schema: Schema<T>,
  keys: readonly Key[],
): Schema<T & { readonly [K in Key]-?: NonNullable<T[K]> }> {
  return {
    expected: `${schema.expected} with ${keys.join(", ")}`,
    read(value, path, problems) {
      const before = problems.length;
      const result = schema.read(value, path, problems);
      if (result === undefined) return undefined;
      const missing = keys.filter((key) => result[key] === undefined);
      if (missing.length === 0) return result as T & { readonly [K in Key]-?: NonNullable<T[K]> };
      // What is there and cannot be read was told already.
      if (problems.length === before) {
        const what = path === "" ? "the file" : path;
        problems.push(`${what} needs ${missing.join(" and ")}`);
      }
      return undefined;
    },
  };
}

/** One of several kinds of object, told apart by their key `type`. */
export function variants<V extends Readonly<Record<string, Schema<object>>>>(
  kinds: V,
): Schema<
  {
    readonly [Type in keyof V & string]: { readonly type: Type } & SchemaValue<V[Type]>;
  }[keyof V & string]
> {
  const types = Object.keys(kinds);
  const expected = `an object whose type is one of ${types.join(", ")}`;
  return {
    expected,
    read(value, path, problems) {
      if (!isObject(value) || !("type" in value)) return note(problems, path, expected);
      const { type, ...rest } = value;
      const kind = typeof type === "string" && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
      if (kind === undefined) return note(problems, join(path, "type"), types.join(" or "));
      const read = kind.read(rest, path, problems);
      return read === undefined ? undefined : ({ type, ...read } as never);
    },
  };
}

type SchemaValue<S> = S extends Schema<infer T> ? T : never;

/** Any keys, each with the same kind of value. */
export function record<T>(schema: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return {
    expected: `an object whose values are each ${schema.expected}`,
    read(value, path, problems) {
      if (!isObject(value)) return note(problems, path, "an object");
      const read = Object.entries(value).flatMap(([key, given]) => {
        const one = schema.read(given, join(path, key), problems);
        return one === undefined ? [] : [[key, one] as const];
      });
      return Object.fromEntries(read);
    },
  };
}

/** Values of one kind, in order. */
export function list<T>(schema: Schema<T>): Schema<readonly T[]> {
  const expected = `a list, each ${schema.expected}`;
  return {
    expected,
    read(value, path, problems) {
      if (!Array.isArray(value)) return note(problems, path, expected);
      return value.flatMap((given, index) => {
        const one = schema.read(given, `${path}[${index}]`, problems);
        return one === undefined ? [] : [one];
      });
    },
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function note(problems: string[], path: string, expected: string): undefined {
  problems.push(`${path === "" ? "the file" : path} must be ${expected}`);
  return undefined;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
