/** Functions, and what invokes them. */
import { STREAM_FILTER } from "../../../../src/lambda/stream-filter.ts";
import {
  at,
  listOf,
  mustBe,
  ofType,
  type Problem,
  property,
  type Resource,
  type Rule,
  refersTo,
  type Template,
  textOf,
  within,
} from "../template.ts";

/** Longest that an event waits for its function, in seconds: the next tick supersedes it. */
const MAX_EVENT_AGE_SECONDS = 60;

/** A batch of the stream is tried so often: what is left, the schedule publishes. */
const MAX_STREAM_RETRIES = 2;

/** Words of names under which no clear value belongs, but for the name of a parameter that has it. */
const SECRET_NAME = /(?:PASSWORD|SECRET|TOKEN|API_?KEY|DATABASE_URL|PRIVATE)(?!.*_PARAMETER$)/i;

export const functionRules: readonly Rule[] = [
  {
    name: "functions",
    *check(template) {
      for (const [id, each] of ofType(template, "AWS::Lambda::Function")) {
        yield* mustBe(id, each, {
          Runtime: "nodejs24.x",
          Architectures: ["arm64"],
          "LoggingConfig.LogFormat": "JSON",
        });
        if (!hasLogGroup(template, each))
          yield { resource: id, text: "has no log group of its own" };
        for (const [name, value] of Object.entries(property(each, "Environment.Variables") ?? {})) {
          const isClear = SECRET_NAME.test(name) || textOf(value).includes("{{resolve:");
          if (isClear)
            yield { resource: id, text: `${name} is in its environment, for all to see` };
        }
      }
    },
  },
  {
    name: "asynchronous-invocations",
    *check(template) {
      const configs = ofType(template, "AWS::Lambda::EventInvokeConfig");
      for (const [id] of ofType(template, "AWS::Lambda::Function")) {
        const own = configs.filter(([, each]) => functionOf(each) === id);
        if (own.length !== 1) {
          yield { resource: id, text: `${own.length} configurations of asynchronous invocations` };
        }
      }
      for (const [id, each] of configs) {
        yield* mustBe(id, each, {
          MaximumRetryAttempts: 0,
          MaximumEventAgeInSeconds: MAX_EVENT_AGE_SECONDS,
        });
        yield* queued(template, id, property(each, "DestinationConfig.OnFailure.Destination"));
      }
    },
  },
  {
    name: "schedules",
    *check(template) {
      const schedules = ofType(template, "AWS::Scheduler::Schedule");
      for (const [id, schedule] of schedules) {
        yield* mustBe(id, schedule, {
          "FlexibleTimeWindow.Mode": "OFF",
          "Target.RetryPolicy.MaximumRetryAttempts": 0,
          "Target.RetryPolicy.MaximumEventAgeInSeconds": MAX_EVENT_AGE_SECONDS,
        });
        yield* queued(template, id, property(schedule, "Target.DeadLetterConfig.Arn"));
        yield* invokesOne(template, id, schedule);
      }
      for (const [id] of ofType(template, "AWS::Lambda::Function")) {
        const own = schedules.filter(([, { Properties }]) =>
          refersTo(at(Properties, "Target.Arn"), "Arn")?.startsWith(id),
        );
        if (own.length !== 1) yield { resource: id, text: `${own.length} schedules invoke it` };
      }
      for (const [id] of ofType(template, "AWS::Events::Rule")) {
        const isSchedule = property(template.Resources[id], "ScheduleExpression") !== undefined;
        if (isSchedule) yield { resource: id, text: "a scheduled rule, which knows no time zone" };
      }
    },
  },
  {
    name: "stream",
    *check(template) {
      for (const [id, mapping] of ofType(template, "AWS::Lambda::EventSourceMapping")) {
        yield* mustBe(id, mapping, {
          EventSourceArn: { "Fn::GetAtt": ["LedgerTable", "StreamArn"] },
          "FilterCriteria.Filters.length": 1,
        });
        const [filter] = listOf(property(mapping, "FilterCriteria.Filters"));
        if (sorted(at(filter, "Pattern")) !== sorted(JSON.stringify(STREAM_FILTER))) {
          yield { resource: id, text: `its filter is ${textOf(at(filter, "Pattern"))}` };
        }
        const retries = property(mapping, "MaximumRetryAttempts");
        const isBounded =
          typeof retries === "number" && retries >= 0 && retries <= MAX_STREAM_RETRIES;
        if (!isBounded)
          yield { resource: id, text: `a batch is tried ${textOf(retries)} times again` };
        yield* queued(template, id, property(mapping, "DestinationConfig.OnFailure.Destination"));
      }
    },
  },
  {
    name: "queues",
    *check(template) {
      const policies = ofType(template, "AWS::SQS::QueuePolicy");
      for (const [id, queue] of ofType(template, "AWS::SQS::Queue")) {
        // Four days are the default: a long weekend.
        const isLong = property(queue, "MessageRetentionPeriod") === 1_209_600;
        if (!isLong) yield { resource: id, text: "forgets before 14 days are over" };
        const own = policies.filter(([, each]) =>
          listOf(property(each, "Queues")).some((name) => refersTo(name) === id),
        );
        const refusesPlain = own.some(([, each]) =>
          textOf(each.Properties).includes("SecureTransport"),
        );
        if (!refusesPlain) yield { resource: id, text: "takes messages that come in the clear" };
      }
    },
  },
];

/** A queue of this template. */
function* queued(
  template: Template,
  resource: string,
  arn: Parameters<typeof refersTo>[0],
): Generator<Problem> {
  const id = refersTo(arn, "Arn") ?? "";
  if (template.Resources[id]?.Type === "AWS::SQS::Queue") return;
  yield { resource, text: `what it gives up goes to ${textOf(arn)}, which is no queue of ours` };
}

/** A role that may invoke that one function, and nobody else's. */
function* invokesOne(template: Template, id: string, schedule: Resource): Generator<Problem> {
  const target = textOf(property(schedule, "Target.Arn"));
  const role = template.Resources[refersTo(property(schedule, "Target.RoleArn"), "Arn") ?? ""];
  const invoked = [...within(role?.Properties ?? {})].flatMap(({ value }) =>
    textOf(at(value, "Action")) === "lambda:InvokeFunction" ? [textOf(at(value, "Resource"))] : [],
  );
  if (invoked.length === 1 && invoked[0] === target) return;
  yield { resource: id, text: `invokes ${target}, its role ${invoked.join(", ") || "nothing"}` };
}

function functionOf(config: Resource): string | undefined {
  const name = property(config, "FunctionName");
  return refersTo(name, "Arn") ?? refersTo(name);
}

function hasLogGroup(template: Template, each: Resource): boolean {
  const id = refersTo(property(each, "LoggingConfig.LogGroup"));
  const named = textOf(property(each, "FunctionName"));
  return ofType(template, "AWS::Logs::LogGroup").some(
    ([group, { Properties }]) =>
      group === id || textOf(at(Properties, "LogGroupName")) === `/aws/lambda/${named}`,
  );
}

/** JSON with its keys in order: as a filter, the same. */
function sorted(json: Parameters<typeof textOf>[0]): string {
  try {
    return JSON.stringify(inOrder(JSON.parse(textOf(json))));
  } catch {
    return "no JSON";
  }
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, inOrder(each)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
