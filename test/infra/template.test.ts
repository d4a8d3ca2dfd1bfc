import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { placeholder } from "../../infra/functions/cloudformation.ts";
import { alarmResources, configured as configuredBy } from "../../infra/functions/template.ts";
import { ConfigError } from "../../src/errors.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

afterAll(removeStateDirectories);

const PROJECT_FILE = fileURLToPath(new URL("../../closing-bell.json", import.meta.url));

const MINUTELY = { schedule: { rate: "1m" } };

const JOBS = { backtest: MINUTELY, analysis: MINUTELY, closing_bell_reporter: MINUTELY };

function configured(content: unknown) {
  const directory = stateDirectory();
  mkdirSync(directory);
  const path = join(directory, "closing-bell.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return configuredBy(path);
}

function problemsOf(content: unknown): readonly string[] {
  try {
    configured(content);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("it was not refused");
}

/** The properties of a resource. */
function propertiesOf(resources: Readonly<Record<string, object>>, id: string) {
  return (resources[id] as { readonly Properties: Readonly<Record<string, unknown>> }).Properties;
}

describe("the schedules", () => {
  test("are those of the project's job catalogue", () => {
    const { resources, foreignJobs } = configuredBy(PROJECT_FILE);
    const newYork = { ScheduleExpressionTimezone: "America/New_York" };
    expect(propertiesOf(resources, "BacktestSchedule")).toMatchObject({
      ...newYork,
      ScheduleExpression: "cron(30 17 ? * MON-FRI *)",
    });
    expect(propertiesOf(resources, "AnalysisSchedule")).toMatchObject({
      ...newYork,
      ScheduleExpression: "cron(45 9 ? * MON-FRI *)",
    });
    expect(propertiesOf(resources, "ReporterSchedule")).toMatchObject({
      ScheduleExpression: "rate(1 minute)",
      State: "ENABLED",
    });
    expect(foreignJobs).toEqual([]);
  });

  test.each(["Backtest", "Analysis", "Reporter"])(
    "%s's is tried once, within a minute, by a role that may invoke that function alone",
    (id) => {
      const { resources } = configured({ jobs: JOBS });
      const functionArn = { "Fn::GetAtt": [`${id}LambdaFunction`, "Arn"] };
      const queueArn = { "Fn::GetAtt": ["UndeliveredSchedules", "Arn"] };
      expect(propertiesOf(resources, `${id}Schedule`)["Target"]).toMatchObject({
        Arn: functionArn,
        RoleArn: { "Fn::GetAtt": [`${id}ScheduleRole`, "Arn"] },
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
        DeadLetterConfig: { Arn: queueArn },
      });
      expect(propertiesOf(resources, `${id}ScheduleRole`)["Policies"]).toMatchObject([
        {
          PolicyDocument: {
            Statement: [
              { Effect: "Allow", Action: "lambda:InvokeFunction", Resource: functionArn },
              { Effect: "Allow", Action: "sqs:SendMessage", Resource: queueArn },
            ],
          },
        },
      ]);
    },
  );

  test("name the time that was meant as the unit of work, and are off without prices", () => {
    const { resources } = configured({ jobs: JOBS });
    const { State, Target } = propertiesOf(resources, "AnalysisSchedule");
    expect(State).toEqual({ "Fn::If": ["HasAnalysisPrices", "ENABLED", "DISABLED"] });
    const { Input } = Target as { readonly Input: { readonly "Fn::Sub": readonly [string] } };
    // As CloudFormation fills it in.
    const text = Input["Fn::Sub"][0]
      .replace(placeholder("AnalysisPricesUrl"), "https://host/{ticker}.csv")
      .replace(placeholder("Tickers"), ["AAPL", "MSFT"].join('","'));
    expect(JSON.parse(text)).toEqual({
      runId: "<aws.scheduler.scheduled-time>",
      pricesUrl: "https://host/{ticker}.csv",
      tickers: ["AAPL", "MSFT"],
    });
  });

  test("of jobs that are no functions are none here", () => {
    const { resources, foreignJobs } = configured({ jobs: { ...JOBS, nightly: MINUTELY } });
    expect(foreignJobs).toEqual(["nightly"]);
    expect(Object.keys(resources).join()).not.toMatch(/nightly/i);
  });

  test("that cannot be told to EventBridge, or are missing, are all refused at once", () => {
    expect(
      problemsOf({
        jobs: {
          backtest: { schedule: { cron: "0 0 1 * MON" } },
          analysis: {},
          closing_bell_reporter: { schedule: { rate: "30s" } },
        },
      }),
    ).toEqual([
      expect.stringMatching(/^jobs\.backtest\.schedule: the cron line "0 0 1 \* MON": it sets day/),
      "jobs.analysis.schedule is missing: the function would never be invoked",
      expect.stringMatching(/^jobs\.closing_bell_reporter\.schedule: the rate "30s" is no number/),
    ]);
  });

  test.each([
    ["no JSON", "{", /closing-bell\.json is not JSON/],
    ["a mistyped key", { jobs: { backtest: { shedule: {} } } }, /shedule/],
  ])("of a file with %s are refused", (_name, content, problem) => {
    expect(problemsOf(content)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("the reporter's further parameters", () => {
  function arn(name: string, region = placeholder("AWS::Region")) {
    const [partition, account] = [placeholder("AWS::Partition"), placeholder("AWS::AccountId")];
    return { "Fn::Sub": `arn:${partition}:ssm:${region}:${account}:parameter${name}` };
  }

  test("are those that the configuration names, by exact ARN", () => {
    const { resources } = configured({
      jobs: JOBS,
      gateway: { url: "https://gateway.example", token: { ssm: "plain-name:3" } },
      sources: {
        portfolio: {
          type: "alpaca",
          account: "paper",
          keyId: { ssm: "/trading/key-id" },
          secretKey: { ssm: "arn:aws:ssm:eu-west-1:123456789012:parameter/trading/secret:live" },
        },
        probes: {
          killSwitch: { value: { type: "ssm", name: "/trading/halted", region: "eu-west-1" } },
        },
      },
    });
    const together = [
      arn("/plain-name"),
      arn("/trading/key-id"),
      "arn:aws:ssm:eu-west-1:123456789012:parameter/trading/secret",
    ];
    const alone = arn("/trading/halted", "eu-west-1");
    expect(propertiesOf(resources, "ReporterParametersPolicy")).toMatchObject({
      Roles: [{ Ref: "ReporterRole" }],
      PolicyDocument: {
        Statement: [
          { Effect: "Allow", Action: "ssm:GetParameters", Resource: together },
          { Effect: "Allow", Action: "ssm:GetParameter", Resource: [alone] },
          {
            Effect: "Allow",
            Action: "kms:Decrypt",
            Resource: { "Fn::GetAtt": ["LedgerKey", "Arn"] },
            Condition: {
              StringEquals: { "kms:EncryptionContext:PARAMETER_ARN": [...together, alone] },
            },
          },
        ],
      },
    });
  });

  test("are none where it names none", () => {
    const { resources } = configured({ jobs: JOBS });
    expect(resources).not.toHaveProperty("ReporterParametersPolicy");
  });
});

describe("the certificates", () => {
  const gateway = (caFile: string) => ({ url: "https://gateway.example", caFile });

  test("that the configuration names go with it, wherever they are named", () => {
    const { caFiles } = configured({
      jobs: JOBS,
      gateway: gateway("./tls/ca.pem"),
      sources: {
        probes: {
          redis: { url: "rediss://cache.example", caFile: "tls/ca.pem" },
          timescale: { url: "postgres://db.example", caFile: "db.pem" },
        },
      },
    });
    expect(caFiles).toEqual(["db.pem", "tls/ca.pem"]);
  });

  test.each(["/etc/ssl/ca.pem", "tls/../../ca.pem"])("%s cannot go with it", (path) => {
    expect(problemsOf({ jobs: JOBS, gateway: gateway(path) })).toEqual([
      expect.stringMatching(/^caFile .*ca\.pem is not below closing-bell\.json/),
    ]);
  });
});

describe("the alarms", () => {
  test("are told how much time each function has", () => {
    const resources = alarmResources({ timeouts: { backtest: 300, reporter: 50 } });
    expect(propertiesOf(resources, "BacktestDurationAlarm")["Threshold"]).toBe(240_000);
    expect(propertiesOf(resources, "ReporterDurationAlarm")["Threshold"]).toBe(40_000);
    expect(Object.keys(resources)).not.toContain("AnalysisDurationAlarm");
  });

  test("look for failures of a function's job by the job's name", () => {
    const resources = alarmResources({ timeouts: { backtest: 300, reporter: 50 } });
    expect(propertiesOf(resources, "BacktestReportingAlarm")["Dimensions"]).toEqual([
      { Name: "job", Value: "backtest" },
    ]);
    expect(propertiesOf(resources, "ReporterReportingAlarm")["Dimensions"]).toEqual([
      { Name: "job", Value: "closing_bell_reporter" },
    ]);
  });
});
