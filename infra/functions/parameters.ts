import type { ConfigFile } from "../../src/config/file-schema.ts";
import { parameterNames } from "../../src/config/ssm/with-parameters.ts";
import { placeholder, policy, type Resources } from "./cloudformation.ts";

/**
 * What the reporter may read of SSM beside the gateway's parameters: those that closing-bell.json
 * names, and no others. No resource when it names none.
 *
 * @param directory where the file is.
 */
export function parameterPolicies(content: ConfigFile, directory: string): Resources {
  // A home without a user file: that is not deployed.
  const sources = { env: {}, cwd: directory, home: directory };
  const together = parameterNames(sources).map((name) => parameterArn(name));
  const { value } = content.sources?.probes?.killSwitch ?? {};
  const alone = value?.type === "ssm" ? [parameterArn(value.name, value.region)] : [];
  const all = [...together, ...alone];
  if (all.length === 0) return {};
  return {
    ReporterParametersPolicy: {
      Type: "AWS::IAM::Policy",
      Properties: {
        PolicyName: "configured-parameters",
        Roles: [{ Ref: "ReporterRole" }],
        PolicyDocument: policy(
          ...allowed("Together", "ssm:GetParameters", together),
          ...allowed("KillSwitch", "ssm:GetParameter", alone),
          {
            Sid: "KeyOfTheParameters",
            Action: "kms:Decrypt",
            Resource: { "Fn::GetAtt": ["LedgerKey", "Arn"] },
            Condition: { StringEquals: { "kms:EncryptionContext:PARAMETER_ARN": all } },
          },
        ),
      },
    },
  };
}

function allowed(Sid: string, Action: string, Resource: readonly unknown[]): readonly object[] {
  return Resource.length === 0 ? [] : [{ Sid, Action, Resource }];
}

/** Of a name as SSM takes it: an ARN or not, with or without a slash before it and a version after it. */
function parameterArn(name: string, region = placeholder("AWS::Region")): string | object {
  if (name.startsWith("arn:")) return name.split(":").slice(0, 6).join(":");
  const [path = ""] = name.replace(/^\/?/, "/").split(":");
  const [partition, account] = [placeholder("AWS::Partition"), placeholder("AWS::AccountId")];
  return { "Fn::Sub": `arn:${partition}:ssm:${region}:${account}:parameter${path}` };
}
