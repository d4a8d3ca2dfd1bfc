/** A value in a template: JSON, in which objects with one key that begins so are functions. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [key: string]: Value };

export type Resource = {
  readonly Type: string;
  readonly Properties?: { readonly [name: string]: Value };
  readonly Condition?: string;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

/** A CloudFormation template, with intrinsic functions in their long form. */
export type Template = {
  readonly Parameters?: { readonly [name: string]: Value };
  readonly Conditions?: { readonly [name: string]: Value };
  readonly Resources: { readonly [id: string]: Resource };
  readonly Outputs?: { readonly [name: string]: Value };
};

/** What a rule has to say of one resource. */
export type Problem = { readonly resource: string; readonly text: string };

export type Rule = {
  /** In kebab case. Suppressions and seeded faults name it. */
  readonly name: string;
  readonly check: (template: Template) => Iterable<Problem>;
};

export type Statement = { readonly [key: string]: Value };

/** Resources of a type, with their logical ids. */
export function ofType(template: Template, type: string): readonly (readonly [string, Resource])[] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** The value at a path of keys, e.g. `Target.RetryPolicy.MaximumRetryAttempts`. */
export function at(value: Value | undefined, path: string): Value | undefined {
  return path.split(".").reduce<Value | undefined>((found, key) => {
    if (typeof found !== "object" || found === null) return undefined;
    return (found as { readonly [key: string]: Value })[key];
  }, value);
}

export function property(resource: Resource | undefined, path: string): Value | undefined {
  return at(resource?.Properties, path);
}

/** One or many, as policies allow both. */
export function listOf(value: Value | undefined): readonly Value[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Value];
}

/** Every value in a value, itself included, with the key that it was found under. */
export function* within(
  value: Value,
  key = "",
): Generator<{ readonly key: string; readonly value: Value }> {
  yield { key, value };
  if (typeof value !== "object" || value === null) return;
  for (const [each, inner] of Object.entries(value)) yield* within(inner, each);
}

/** Every statement of a policy in a value, wherever it is, in a function or out of it. */
export function statementsIn(value: Value | undefined): readonly Statement[] {
  if (value === undefined) return [];
  return [...within(value)].flatMap(({ value: each }) => {
    const isStatement =
      typeof each === "object" && each !== null && "Effect" in each && "Action" in each;
    return isStatement ? [each as Statement] : [];
  });
}

/** The logical id that a value gets an attribute of, or refers to; undefined for anything else. */
export function refersTo(value: Value | undefined, attribute?: string): string | undefined {
  if (attribute === undefined) {
    const id = at(value, "Ref");
    return typeof id === "string" ? id : undefined;
  }
  const [id, name] = listOf(at(value, "Fn::GetAtt"));
  return typeof id === "string" && name === attribute ? id : undefined;
}

/** For messages, and for comparing: functions are values like any other. */
export function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

/** A problem for each of these properties that has another value. */
export function* mustBe(
  id: string,
  resource: Resource,
  expected: { readonly [path: string]: Value },
): Generator<Problem> {
  for (const [path, wanted] of Object.entries(expected)) {
    const found = property(resource, path);
    if (textOf(found) === textOf(wanted)) continue;
    yield { resource: id, text: `${path} is ${textOf(found)}, not ${textOf(wanted)}` };
  }
}
