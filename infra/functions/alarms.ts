import { REPORTER_JOB } from "../../src/reporter/report.ts";
import type { Resources } from "./cloudformation.ts";

/** What an alarm is about. Periods are of 5 minutes, the metric's default. */
type Alarm = {
  readonly id: string;
  readonly description: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, unknown>>;
  readonly statistic: "Sum" | "Maximum";
  /** Reached or passed. */
  readonly threshold: number;
  /** In a row. Default 1. */
  readonly periods?: number;
};

export type AlarmOptions = {
  /** Seconds that each function has, by name. */
  readonly timeouts: Readonly<Record<string, number>>;
};

const PERIOD_SECONDS = 300;

/** Share of its time that a function may use before somebody should look. */
const NEARLY_OUT_OF_TIME = 0.8;

/** How old a record of the stream may be. Milliseconds. */
const MAX_ITERATOR_AGE_MS = 60_000;

/** The job that a function runs, where its name is another. */
const JOBS: Readonly<Record<string, string>> = { reporter: REPORTER_JOB };

/** What is invoked again within a minute: one failure heals itself. */
const HEALING = new Set(["reporter"]);

/** With a concurrency of 1 its schedule and its stream are in each other's way now and then. */
const USUAL_THROTTLES = 30;

/** Alarms of every function, of the stream and of the queues of what was given up. */
export function alarmResources({ timeouts }: AlarmOptions): Resources {
  const alarms = [
    ...Object.entries(timeouts).flatMap(([name, timeout]) => functionAlarms(name, timeout)),
    {
      id: "ReporterIteratorAgeAlarm",
      description:
        "The reporter is behind the ledger's stream. Its schedule publishes all the same; look at its throttles and duration.",
      namespace: "AWS/Lambda",
      metric: "IteratorAge",
      dimensions: { FunctionName: { Ref: "ReporterLambdaFunction" } },
      statistic: "Maximum",
      threshold: MAX_ITERATOR_AGE_MS,
    } as const,
    queueAlarm(
      "UndeliveredSchedules",
      "EventBridge Scheduler could not invoke a function: the message says which and why. The next time is tried anyway.",
    ),
    queueAlarm(
      "FailedInvocations",
      "An invocation failed, was too old, or a batch of the stream was given up: the message says which. Runs that were recorded are safe.",
    ),
  ];
  return Object.fromEntries(alarms.map((alarm) => [alarm.id, resource(alarm)]));
}

function functionAlarms(name: string, timeout: number): readonly Alarm[] {
  const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const periods = HEALING.has(name) ? 3 : 1;
  const own = {
    namespace: "AWS/Lambda",
    dimensions: { FunctionName: { Ref: `${id}LambdaFunction` } },
  };
  return [
    {
      ...own,
      id: `${id}ErrorsAlarm`,
      description: `Invocations of ${name} fail: its log says why.`,
      metric: "Errors",
      statistic: "Sum",
      threshold: 1,
      periods,
    },
    {
      ...own,
      id: `${id}ThrottlesAlarm`,
      description: `Invocations of ${name} find no free execution: see its reserved concurrency and the account's.`,
      metric: "Throttles",
      statistic: "Sum",
      threshold: HEALING.has(name) ? USUAL_THROTTLES : 1,
      periods,
    },
    {
      ...own,
      id: `${id}DroppedAlarm`,
      description: `An event for ${name} waited longer than a minute and was dropped: it is in the queue of failed invocations.`,
      metric: "AsyncEventsDropped",
      statistic: "Sum",
      threshold: 1,
    },
    {
      ...own,
      id: `${id}DurationAlarm`,
      description: `${name} took more than ${100 * NEARLY_OUT_OF_TIME} % of its ${timeout} seconds, after which Lambda kills it.`,
      metric: "Duration",
      statistic: "Maximum",
      threshold: NEARLY_OUT_OF_TIME * timeout * 1000,
    },
    {
      id: `${id}ReportingAlarm`,
      description: `Runs of ${name} were not reported as they should be: lines with ReportingFailures in the functions' logs say why.`,
      namespace: "closing-bell",
      metric: "ReportingFailures",
      dimensions: { job: JOBS[name] ?? name },
      statistic: "Sum",
      threshold: 1,
      periods,
    },
  ];
}

function queueAlarm(queue: string, description: string): Alarm {
  return {
    id: `${queue}Alarm`,
    description,
    namespace: "AWS/SQS",
    metric: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: { "Fn::GetAtt": [queue, "QueueName"] } },
    statistic: "Maximum",
    threshold: 1,
  };
}

function resource(alarm: Alarm): object {
  const { description, namespace, metric, dimensions, statistic, threshold, periods = 1 } = alarm;
  const actions = {
    "Fn::If": ["HasAlarmTopic", [{ Ref: "AlarmTopicArn" }], { Ref: "AWS::NoValue" }],
  };
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmDescription: description,
      Namespace: namespace,
      MetricName: metric,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      Statistic: statistic,
      Period: PERIOD_SECONDS,
      EvaluationPeriods: periods,
      Threshold: threshold,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      // No invocation, no message, no failure: no metric.
      TreatMissingData: "notBreaching",
      AlarmActions: actions,
      OKActions: actions,
    },
  };
}
