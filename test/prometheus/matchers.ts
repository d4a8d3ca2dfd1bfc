import type { InhibitRule } from "./shipped.ts";

type Labels = Readonly<Record<string, string>>;

const MATCHER = /^(\w+) *(=~|!~|!=|=) *"(.*)"$/;

/** Whether Alertmanager would inhibit `target` while `source` fires. */
export function inhibits(rule: InhibitRule, source: Labels, target: Labels): boolean {
  const { source_matchers, target_matchers, equal = [] } = rule;
  return (
    matchesAll(source_matchers, source) &&
    matchesAll(target_matchers, target) &&
    // A label that both lack is equal.
    equal.every((name) => (source[name] ?? "") === (target[name] ?? "")) &&
    // What is a source as well as a target inhibits none of its own kind, and so not itself.
    !(matchesAll(source_matchers, target) && matchesAll(target_matchers, source))
  );
}

function matchesAll(matchers: readonly string[], labels: Labels): boolean {
  return matchers.every((matcher) => matches(matcher, labels));
}

/** @throws for a matcher that is written in another way than those of the shipped file. */
function matches(matcher: string, labels: Labels): boolean {
  const [, name = "", operator = "", value = ""] = MATCHER.exec(matcher) ?? [];
  if (name === "") throw new Error(`no matcher: ${matcher}`);
  const actual = labels[name] ?? "";
  const same = operator.endsWith("~")
    ? new RegExp(`^(?:${value})$`).test(actual)
    : actual === value;
  return operator.startsWith("!") ? !same : same;
}
