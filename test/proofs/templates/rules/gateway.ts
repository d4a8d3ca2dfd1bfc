/** The Pushgateway on Fargate, and who reaches it. */
import {
  at,
  listOf,
  mustBe,
  ofType,
  type Problem,
  property,
  type Rule,
  refersTo,
  type Statement,
  textOf,
  type Value,
} from "../template.ts";

/** Of the gateway itself, and of endpoints of AWS. */
const PORTS: readonly Value[] = [9091, 443];

/** What an absent property reads as. */
const absent = textOf(undefined);

/** Options that open what nobody needs, or that let a series in twice. */
const DANGEROUS_OPTIONS = [
  "--web.enable-admin-api",
  "--web.enable-lifecycle",
  "--push.disable-consistency-check",
];

export const gatewayRules: readonly Rule[] = [
  {
    name: "singleton",
    *check(template) {
      for (const [id, service] of ofType(template, "AWS::ECS::Service")) {
        yield* mustBe(id, service, {
          DesiredCount: 1,
          "DeploymentConfiguration.MinimumHealthyPercent": 0,
          "DeploymentConfiguration.MaximumPercent": 100,
          "DeploymentConfiguration.DeploymentCircuitBreaker": { Enable: true, Rollback: true },
          AvailabilityZoneRebalancing: "DISABLED",
          EnableExecuteCommand: false,
          "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp": "DISABLED",
        });
      }
    },
  },
  {
    name: "container",
    *check(template) {
      for (const [id, task] of ofType(template, "AWS::ECS::TaskDefinition")) {
        yield* mustBe(id, task, {
          "RuntimePlatform.CpuArchitecture": "ARM64",
          NetworkMode: "awsvpc",
          // It would hold credentials that it has no use for.
          TaskRoleArn: absent,
          // A disk brings back old totals, which Prometheus takes for a reset.
          Volumes: absent,
        });
        for (const container of listOf(property(task, "ContainerDefinitions"))) {
          yield* containerProblems(id, container);
        }
      }
    },
  },
  {
    name: "ingress",
    *check(template) {
      for (const [id, group] of ofType(template, "AWS::EC2::SecurityGroup")) {
        for (const rule of listOf(property(group, "SecurityGroupIngress"))) {
          yield* ingressProblems(id, rule);
        }
        // Without any, AWS lets everything out.
        const isOpen = property(group, "SecurityGroupEgress") === undefined;
        if (isOpen) yield { resource: id, text: "reaches everything" };
      }
      for (const [id, { Properties = {} }] of ofType(template, "AWS::EC2::SecurityGroupIngress")) {
        yield* ingressProblems(id, Properties);
      }
    },
  },
  {
    name: "discovery",
    *check(template) {
      for (const [id, service] of ofType(template, "AWS::ECS::Service")) {
        const [registry] = listOf(property(service, "ServiceRegistries"));
        const name = template.Resources[refersTo(at(registry, "RegistryArn"), "Arn") ?? ""];
        const [record] = listOf(property(name, "DnsConfig.DnsRecords"));
        const ttl = Number(at(record, "TTL"));
        if (!(ttl <= 60)) yield { resource: id, text: `its address is remembered for ${ttl} s` };
      }
    },
  },
];

function* containerProblems(id: string, container: Value): Generator<Problem> {
  const problem = (text: string) => ({ resource: id, text });
  const image = textOf(at(container, "Image"));
  if (!/@(?:\$\{\w*Digest\}|sha256:[0-9a-f]{64})/.test(image)) {
    yield problem(`its image is ${image}, which another one may take the place of`);
  }
  if (at(container, "ReadonlyRootFilesystem") !== true) yield problem("its root can be written");
  if (!/^[1-9]\d*/.test(textOf(at(container, "User")))) yield problem("it may run as root");
  if (textOf(at(container, "LinuxParameters.Capabilities.Drop")) !== '["ALL"]') {
    yield problem("it has capabilities of root");
  }
  if (!(Number(at(container, "StopTimeout")) >= 30)) yield problem("it is killed within 30 s");
  if (at(container, "MountPoints") !== undefined) yield problem("it has a disk");
  if (at(container, "Environment") !== undefined) yield problem("its environment is in the clear");
  const command = textOf(at(container, "Command"));
  if (!/--persistence\.file= /.test(command)) yield problem("it writes its state to a file");
  if (!command.includes("--web.config.file=")) yield problem("it is open to everybody");
  for (const option of DANGEROUS_OPTIONS.filter((each) => command.includes(each))) {
    yield problem(`it runs with ${option}`);
  }
  if (!textOf(at(container, "HealthCheck.Command")).includes(" 401 ")) {
    yield problem("it is healthy without its password");
  }
}

function* ingressProblems(id: string, rule: Value): Generator<Problem> {
  const { FromPort: from = null, ToPort: to = null } = rule as Statement;
  const isFromGroup =
    at(rule, "SourceSecurityGroupId") !== undefined &&
    [at(rule, "CidrIp"), at(rule, "CidrIpv6"), at(rule, "SourcePrefixListId")].every(
      (each) => each === undefined,
    );
  if (!isFromGroup) yield { resource: id, text: "lets in others than the members of a group" };
  const isOnePort = at(rule, "IpProtocol") === "tcp" && from === to && PORTS.includes(from);
  if (!isOnePort) yield { resource: id, text: `lets in to ${textOf(from)} to ${textOf(to)}` };
}
