import { type Fault, placeholder, STATEMENT } from "./fault.ts";

const GATEWAY = "infra/pushgateway.yml";

const CONTAINER = ["GatewayTask", "Properties", "ContainerDefinitions", 0] as const;

export const GATEWAY_FAULTS: readonly Fault[] = [
  {
    name: "two gateways for a while",
    template: GATEWAY,
    at: ["GatewayService", "Properties", "DeploymentConfiguration", "MaximumPercent"],
    value: 200,
    rule: "singleton",
  },
  {
    name: "two gateways while zones are balanced",
    template: GATEWAY,
    at: ["GatewayService", "Properties", "AvailabilityZoneRebalancing"],
    rule: "singleton",
  },
  {
    name: "public ingress",
    template: GATEWAY,
    at: ["GatewaySecurityGroup", "Properties", "SecurityGroupIngress"],
    value: [{ IpProtocol: "tcp", FromPort: 9091, ToPort: 9091, CidrIp: "0.0.0.0/0" }],
    rule: "AwsSolutions-EC23",
  },
  {
    name: "ingress from the whole VPC",
    template: GATEWAY,
    at: ["GatewayIngressFromPrometheus", "Properties", "CidrIp"],
    value: "10.0.0.0/8",
    rule: "ingress",
  },
  {
    name: "a public address",
    template: GATEWAY,
    at: [
      "GatewayService",
      "Properties",
      "NetworkConfiguration",
      "AwsvpcConfiguration",
      "AssignPublicIp",
    ],
    value: "ENABLED",
    rule: "singleton",
  },
  {
    name: "an image by tag",
    template: GATEWAY,
    at: [...CONTAINER, "Image"],
    value: { "Fn::Sub": `${placeholder("ImageRepository")}:${placeholder("ImageVersion")}` },
    rule: "container",
  },
  {
    name: "a container that may write",
    template: GATEWAY,
    at: [...CONTAINER, "ReadonlyRootFilesystem"],
    value: false,
    rule: "container",
  },
  {
    name: "a wildcard action",
    template: GATEWAY,
    at: ["GatewayExecutionRole", ...STATEMENT, "Action"],
    value: "ssm:*",
    rule: "exact-actions",
  },
  {
    name: "every parameter of the account",
    template: GATEWAY,
    at: ["GatewayExecutionRole", ...STATEMENT, "Resource"],
    value: "*",
    rule: "AwsSolutions-IAM5[Resource::*]",
  },
  {
    name: "a key for whatever it encrypted",
    template: GATEWAY,
    at: [
      "GatewayExecutionRole",
      "Properties",
      "Policies",
      0,
      "PolicyDocument",
      "Statement",
      1,
      "Condition",
    ],
    rule: "parameters-key",
  },
  {
    name: "a log group that is kept for ever",
    template: GATEWAY,
    at: ["GatewayLogGroup", "Properties", "RetentionInDays"],
    rule: "log-groups",
  },
  {
    name: "a log group in the clear",
    template: GATEWAY,
    at: ["GatewayLogGroup", "Properties", "KmsKeyId"],
    rule: "encrypted",
  },
  {
    name: "a gateway that keeps its state",
    template: GATEWAY,
    at: [...CONTAINER, "Command"],
    value: ["exec /bin/pushgateway --web.config.file=/tmp/web.yml --persistence.file=/tmp/state"],
    rule: "container",
  },
  {
    name: "a gateway that is open to its network",
    template: GATEWAY,
    at: [...CONTAINER, "Command"],
    value: ["exec /bin/pushgateway --persistence.file= --log.format=json"],
    rule: "container",
  },
];
