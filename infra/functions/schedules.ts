import type { ConfigFile } from "../../src/config/file-schema.ts";
import { ConfigError, InvalidOptionError } from "../../src/errors.ts";
import { REPORTER_JOB } from "../../src/reporter/report.ts";
import { placeholder, policy, type Resources } from "./cloudformation.ts";
import { schedulerTimes } from "./schedule.ts";

/** A function that the job catalogue schedules. */
type Scheduled = {
  /** Its entry in the catalogue. */
  readonly job: string;
  /** What its logical ids begin with. */
  readonly id: string;
  /** What it is invoked with: JSON, in which EventBridge puts the time that was meant. */
  readonly input: unknown;
  /** Of the template: whether there is something for the job to do. */
  readonly condition?: string;
};

/**
 * Of a scheduled invocation that is delivered twice, both name the same time. The functions take it for
 * the name of the unit of work, which counts once.
 */
const SCHEDULED_TIME = "<aws.scheduler.scheduled-time>";

const SCHEDULED: readonly Scheduled[] = [
  {
    job: "backtest",
    id: "Backtest",
    input: {
      "Fn::Sub": JSON.stringify({
        runId: SCHEDULED_TIME,
        pricesUrl: placeholder("BacktestPricesUrl"),
      }),
    },
    condition: "HasBacktestPrices",
  },
  {
    job: "analysis",
    id: "Analysis",
    input: {
      "Fn::Sub": [
        JSON.stringify({
          runId: SCHEDULED_TIME,
          pricesUrl: placeholder("AnalysisPricesUrl"),
          tickers: [placeholder("Tickers")],
        }),
        { Tickers: { "Fn::Join": ['","', { Ref: "AnalysisTickers" }] } },
      ],
    },
    condition: "HasAnalysisPrices",
  },
  { job: REPORTER_JOB, id: "Reporter", input: JSON.stringify({ scheduledTime: SCHEDULED_TIME }) },
];

/** Jobs of the catalogue that are no functions here: somebody else runs them. */
export function foreignJobs({ jobs = {} }: ConfigFile): readonly string[] {
  return Object.keys(jobs).filter((name) => SCHEDULED.every(({ job }) => job !== name));
}

/**
 * A schedule for every function, and a role for each that may invoke that one.
 *
 * @throws {ConfigError} with every job whose schedule is missing, or cannot be told to EventBridge.
 */
export function scheduleResources({ jobs = {} }: ConfigFile): Resources {
  const problems: string[] = [];
  const resources = SCHEDULED.flatMap((scheduled) => {
    const place = `jobs.${scheduled.job}.schedule`;
    const { schedule } = jobs[scheduled.job] ?? {};
    if (schedule === undefined) {
      problems.push(`${place} is missing: the function would never be invoked`);
      return [];
    }
    try {
      return Object.entries(scheduleOf(scheduled, schedulerTimes(schedule)));
    } catch (error) {
      if (!(error instanceof InvalidOptionError)) throw error;
      problems.push(`${place}: ${error.message}`);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(resources);
}

function scheduleOf(
  { job, id, input, condition }: Scheduled,
  times: ReturnType<typeof schedulerTimes>,
): Resources {
  const functionArn = { "Fn::GetAtt": [`${id}LambdaFunction`, "Arn"] };
  const queueArn = { "Fn::GetAtt": ["UndeliveredSchedules", "Arn"] };
  return {
    [`${id}Schedule`]: {
      Type: "AWS::Scheduler::Schedule",
      Properties: {
        Description: `The schedule of ${job} in closing-bell.json`,
        GroupName: { Ref: "ScheduleGroup" },
        ...times,
        FlexibleTimeWindow: { Mode: "OFF" },
        State:
          condition === undefined ? "ENABLED" : { "Fn::If": [condition, "ENABLED", "DISABLED"] },
        Target: {
          Arn: functionArn,
          RoleArn: { "Fn::GetAtt": [`${id}ScheduleRole`, "Arn"] },
          Input: input,
          // The next time supersedes this one.
          RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
          DeadLetterConfig: { Arn: queueArn },
        },
      },
    },
    [`${id}ScheduleRole`]: {
      Type: "AWS::IAM::Role",
      Properties: {
        Description: `EventBridge Scheduler invokes ${job}`,
        AssumeRolePolicyDocument: policy({
          Principal: { Service: "scheduler.amazonaws.com" },
          Action: "sts:AssumeRole",
          // Of the group, because a schedule's own name is not asked for.
          Condition: {
            StringEquals: {
              "aws:SourceAccount": { Ref: "AWS::AccountId" },
              "aws:SourceArn": { "Fn::GetAtt": ["ScheduleGroup", "Arn"] },
            },
          },
        }),
        Policies: [
          {
            PolicyName: "invoke",
            PolicyDocument: policy(
              { Sid: "Invoke", Action: "lambda:InvokeFunction", Resource: functionArn },
              { Sid: "Undelivered", Action: "sqs:SendMessage", Resource: queueArn },
            ),
          },
        ],
      },
    },
  };
}
