/** What a template says to people and to CloudFormation. */
import {
  listOf,
  ofType,
  property,
  type Rule,
  type Template,
  textOf,
  type Value,
} from "../template.ts";

/** Shorter, and whoever is woken by it does not know what to do. */
const MIN_DESCRIPTION = 40;

export const textRules: readonly Rule[] = [
  {
    name: "literal-placeholder",
    *check(template) {
      for (const [resource, each] of entries(template)) {
        for (const text of plainTexts(each)) {
          // CloudFormation would take it as it stands.
          if (/\$\{(?:AWS::|[A-Z]\w*[.}])/.test(text))
            yield { resource, text: `${text} is no Fn::Sub` };
        }
      }
    },
  },
  {
    name: "alarms",
    *check(template) {
      for (const [id, alarm] of ofType(template, "AWS::CloudWatch::Alarm")) {
        const description = textOf(property(alarm, "AlarmDescription"));
        if (description.length < MIN_DESCRIPTION) {
          yield { resource: id, text: `tells no more than ${JSON.stringify(description)}` };
        }
        if (property(alarm, "TreatMissingData") === undefined) {
          yield { resource: id, text: "says not what silence means" };
        }
        if (listOf(property(alarm, "AlarmActions")).length === 0) {
          yield { resource: id, text: "tells nobody" };
        }
      }
    },
  },
  {
    name: "parameters",
    *check(template) {
      for (const [name, parameter] of Object.entries(template.Parameters ?? {})) {
        const { Description, Type, AllowedPattern, AllowedValues } = parameter as {
          readonly [key: string]: Value;
        };
        if (Description === undefined) yield { resource: name, text: "has no description" };
        const isLoose = Type === "String" && (AllowedPattern ?? AllowedValues) === undefined;
        if (isLoose) yield { resource: name, text: "takes any text" };
      }
    },
  },
];

function entries(template: Template): readonly (readonly [string, Value])[] {
  return [
    ...Object.entries(template.Resources as unknown as { readonly [id: string]: Value }),
    ...Object.entries(template.Outputs ?? {}),
    ...Object.entries(template.Conditions ?? {}),
  ];
}

/** Strings that are in no Fn::Sub. */
function* plainTexts(value: Value): Generator<string> {
  if (typeof value === "string") yield value;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key !== "Fn::Sub") yield* plainTexts(inner);
    // The text itself is the first; its values may hold anything.
    else if (Array.isArray(inner)) for (const each of inner.slice(1)) yield* plainTexts(each);
  }
}
