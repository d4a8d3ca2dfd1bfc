import { type Fault, placeholder, STATEMENT } from "./fault.ts";

const FUNCTIONS = "serverless.yml";

/** As osls names it. */
const MAPPING = "ReporterEventSourceMappingDynamodbLedgerTable";

export const FUNCTION_FAULTS: readonly Fault[] = [
  {
    name: "a job that may look through the ledger",
    template: FUNCTIONS,
    at: ["BacktestRole", ...STATEMENT, "Action"],
    value: ["dynamodb:PutItem", "dynamodb:Scan"],
    rule: "ledger-actions",
  },
  {
    name: "a job that may change totals",
    template: FUNCTIONS,
    at: ["AnalysisRole", ...STATEMENT, "Action"],
    value: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
    rule: "jobs-only-put",
  },
  {
    name: "a job that may put into every table",
    template: FUNCTIONS,
    at: ["BacktestRole", ...STATEMENT, "Resource"],
    value: { "Fn::Sub": `arn:aws:dynamodb:*:${placeholder("AWS::AccountId")}:table/*` },
    rule: "exact-resources",
  },
  {
    name: "a wildcard action",
    template: FUNCTIONS,
    at: ["ReporterRole", ...STATEMENT, "Action"],
    value: "dynamodb:*",
    rule: "exact-actions",
  },
  {
    name: "a policy of AWS's own",
    template: FUNCTIONS,
    at: ["BacktestRole", "Properties", "ManagedPolicyArns"],
    value: ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
    rule: "AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
  },
  {
    name: "one role for two functions",
    template: FUNCTIONS,
    at: ["AnalysisLambdaFunction", "Properties", "Role"],
    value: { "Fn::GetAtt": ["BacktestRole", "Arn"] },
    rule: "own-role",
  },
  {
    name: "185 retries, as the scheduler has it by default",
    template: FUNCTIONS,
    at: ["BacktestSchedule", "Properties", "Target", "RetryPolicy"],
    rule: "schedules",
  },
  {
    name: "185 retries, said so",
    template: FUNCTIONS,
    at: ["ReporterSchedule", "Properties", "Target", "RetryPolicy", "MaximumRetryAttempts"],
    value: 185,
    rule: "schedules",
  },
  {
    name: "a schedule whose failures nobody sees",
    template: FUNCTIONS,
    at: ["ReporterSchedule", "Properties", "Target", "DeadLetterConfig"],
    rule: "schedules",
  },
  {
    name: "a schedule with another's role",
    template: FUNCTIONS,
    at: ["BacktestSchedule", "Properties", "Target", "RoleArn"],
    value: { "Fn::GetAtt": ["ReporterScheduleRole", "Arn"] },
    rule: "schedules",
  },
  {
    name: "a function that is never invoked",
    template: FUNCTIONS,
    at: ["AnalysisSchedule"],
    rule: "schedules",
  },
  {
    name: "two retries of what failed",
    template: FUNCTIONS,
    at: ["BacktestLambdaEvConf", "Properties", "MaximumRetryAttempts"],
    value: 2,
    rule: "asynchronous-invocations",
  },
  {
    name: "events that wait for six hours",
    template: FUNCTIONS,
    at: ["ReporterLambdaEvConf", "Properties", "MaximumEventAgeInSeconds"],
    rule: "asynchronous-invocations",
  },
  {
    name: "no stream filter",
    template: FUNCTIONS,
    at: [MAPPING, "Properties", "FilterCriteria"],
    rule: "stream",
  },
  {
    name: "a stream filter that the reporter's own runs pass",
    template: FUNCTIONS,
    at: [MAPPING, "Properties", "FilterCriteria", "Filters", 0, "Pattern"],
    value: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"P#"}]}}}}',
    rule: "stream",
  },
  {
    name: "a batch that is tried for ever",
    template: FUNCTIONS,
    at: [MAPPING, "Properties", "MaximumRetryAttempts"],
    rule: "stream",
  },
  {
    name: "a runtime that is no longer mended",
    template: FUNCTIONS,
    at: ["BacktestLambdaFunction", "Properties", "Runtime"],
    value: "nodejs18.x",
    rule: "AwsSolutions-L1",
  },
  {
    name: "a password in the environment",
    template: FUNCTIONS,
    at: ["ReporterLambdaFunction", "Properties", "Environment", "Variables", "GATEWAY_PASSWORD"],
    value: "pencil",
    rule: "functions",
  },
  {
    name: "a log group that is kept for ever",
    template: FUNCTIONS,
    at: ["AnalysisLogGroup", "Properties", "RetentionInDays"],
    rule: "log-groups",
  },
  {
    name: "a log group in the clear",
    template: FUNCTIONS,
    at: ["ReporterLogGroup", "Properties", "KmsKeyId"],
    rule: "encrypted",
  },
  {
    name: "a queue that takes messages in the clear",
    template: FUNCTIONS,
    at: ["FailedInvocationsPolicy"],
    rule: "AwsSolutions-SQS4",
  },
  {
    name: "an alarm that says nothing",
    template: FUNCTIONS,
    at: ["ReporterErrorsAlarm", "Properties", "AlarmDescription"],
    value: "Errors",
    rule: "alarms",
  },
  {
    name: "the ledger lost with its stack",
    template: FUNCTIONS,
    at: ["LedgerTable", "DeletionPolicy"],
    rule: "retained",
  },
];
