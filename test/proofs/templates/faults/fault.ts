import type { Template } from "../template.ts";

/** One mistake in a template, and the rule that must find it. */
export type Fault = {
  readonly name: string;
  /** Of which it is a change. */
  readonly template: string;
  /** Where it is made: keys, from `Resources` on. */
  readonly at: readonly (string | number)[];
  /** Instead of what is there; undefined removes it. */
  readonly value?: unknown;
  /** Finds it. */
  readonly rule: string;
};

/** The first statement of a role's first policy. */
export const STATEMENT = ["Properties", "Policies", 0, "PolicyDocument", "Statement", 0] as const;

/** What CloudFormation fills in. */
export function placeholder(name: string): string {
  return `\${${name}}`;
}

/**
 * The template with the fault in it.
 *
 * @throws when there is nothing to change: a fault that is made nowhere is found by nobody.
 */
export function withFault(template: Template, { name, at, value }: Fault): Template {
  const changed = structuredClone(template);
  const [last = "", ...path] = at.toReversed();
  let place: unknown = changed.Resources;
  for (const key of path.toReversed()) place = (place as Record<string | number, unknown>)?.[key];
  if (typeof place !== "object" || place === null) throw new Error(`${name}: no ${at.join(".")}`);
  if (value === undefined) delete (place as Record<string | number, unknown>)[last];
  else Object.assign(place, { [last]: value });
  if (JSON.stringify(changed) === JSON.stringify(template)) {
    throw new Error(`${name}: ${at.join(".")} is so already`);
  }
  return changed;
}
