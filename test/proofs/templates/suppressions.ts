/** Findings that are right and accepted, each for its reason. One that nothing meets any more fails. */
export type Suppression = {
  readonly template: string;
  readonly rule: string;
  readonly resource: string;
  /** What the finding's text begins with, where a rule may find several things in one resource. */
  readonly text?: string;
  readonly reason: string;
};

const FUNCTIONS = "serverless.yml";
const GATEWAY = "infra/pushgateway.yml";

const DEAD_LETTERS =
  "It is the dead-letter queue itself, of EventBridge Scheduler and of Lambda, which name it in other places than a redrive policy.";

const INTERFACES_TO_COME =
  "Lambda takes these rights for network interfaces that do not exist yet, and that IAM can therefore not name. The statement after it refuses them to the function's own code.";

export const SUPPRESSIONS: readonly Suppression[] = [
  {
    template: GATEWAY,
    rule: "AwsSolutions-ECS4",
    resource: "GatewayCluster",
    reason:
      "Container Insights bills each of its metrics, together about as much as the task itself. One task is watched by what ECS reports for nothing (CPU, memory, events), and Prometheus scrapes its process anyway.",
  },
  {
    template: GATEWAY,
    rule: "AwsSolutions-IAM5[Resource::*]",
    resource: "GatewayPullPolicy",
    reason:
      "ecr:GetAuthorizationToken knows no resource: IAM takes it with * and nothing else. What is pulled is limited to one repository.",
  },
  {
    template: GATEWAY,
    rule: "exact-resources",
    resource: "GatewayPullPolicy",
    text: "allows ecr:GetAuthorizationToken on *",
    reason: "The same, by our own rule.",
  },
  {
    template: FUNCTIONS,
    rule: "AwsSolutions-S1",
    resource: "ServerlessDeploymentBucket",
    reason:
      "It holds the zips of deployments, which CloudFormation reads. Who deploys is in CloudTrail; a second bucket for the log of this one would tell no more.",
  },
  {
    template: FUNCTIONS,
    rule: "AwsSolutions-SQS3",
    resource: "FailedInvocations",
    reason: DEAD_LETTERS,
  },
  {
    template: FUNCTIONS,
    rule: "AwsSolutions-SQS3",
    resource: "UndeliveredSchedules",
    reason: DEAD_LETTERS,
  },
  {
    template: FUNCTIONS,
    rule: "AwsSolutions-IAM5[Resource::*]",
    resource: "ReporterVpcPolicy",
    reason: INTERFACES_TO_COME,
  },
  {
    template: FUNCTIONS,
    rule: "exact-resources",
    resource: "ReporterVpcPolicy",
    text: "allows ec2:AssignPrivateIpAddresses,ec2:CreateNetworkInterface,ec2:DeleteNetworkInterface,ec2:DescribeNetworkInterfaces,ec2:DescribeSubnets,ec2:UnassignPrivateIpAddresses on *",
    reason: INTERFACES_TO_COME,
  },
];
