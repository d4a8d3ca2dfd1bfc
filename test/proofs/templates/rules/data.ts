/** What is kept, and how it is encrypted. */
import {
  at,
  mustBe,
  ofType,
  type Problem,
  property,
  type Rule,
  refersTo,
  type Template,
  textOf,
  type Value,
} from "../template.ts";

/** Names of log groups that the key's policy lets CloudWatch encrypt. */
const LOG_GROUP_NAME = /^\/(?:aws\/lambda\/closing-bell|closing-bell\/)/;

export const dataRules: readonly Rule[] = [
  {
    name: "retained",
    *check(template) {
      for (const type of ["AWS::DynamoDB::Table", "AWS::KMS::Key"]) {
        for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of ofType(template, type)) {
          const isKept = DeletionPolicy === "Retain" && UpdateReplacePolicy === "Retain";
          if (!isKept)
            yield { resource: id, text: "is not kept when its stack is deleted or changed" };
        }
      }
    },
  },
  {
    name: "ledger-table",
    *check(template) {
      for (const [id, table] of ofType(template, "AWS::DynamoDB::Table")) {
        yield* mustBe(id, table, {
          BillingMode: "PAY_PER_REQUEST",
          DeletionProtectionEnabled: true,
          KeySchema: [
            { AttributeName: "pk", KeyType: "HASH" },
            { AttributeName: "sk", KeyType: "RANGE" },
          ],
          "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": true,
          "SSESpecification.SSEEnabled": true,
          "SSESpecification.SSEType": "KMS",
          "StreamSpecification.StreamViewType": "KEYS_ONLY",
          TimeToLiveSpecification: { AttributeName: "expires", Enabled: true },
        });
        yield* encrypted(template, id, property(table, "SSESpecification.KMSMasterKeyId"));
        // By another name it would be replaced without a word, by an empty one.
        if (property(table, "TableName") === undefined) yield { resource: id, text: "has no name" };
      }
    },
  },
  {
    name: "encrypted",
    *check(template) {
      for (const [type, path] of [
        ["AWS::Logs::LogGroup", "KmsKeyId"],
        ["AWS::SNS::Topic", "KmsMasterKeyId"],
      ] as const) {
        for (const [id, resource] of ofType(template, type)) {
          yield* encrypted(template, id, property(resource, path));
        }
      }
      for (const [id, queue] of ofType(template, "AWS::SQS::Queue")) {
        const isManaged = property(queue, "SqsManagedSseEnabled") === true;
        if (!isManaged) yield* encrypted(template, id, property(queue, "KmsMasterKeyId"));
      }
      for (const [id, key] of ofType(template, "AWS::KMS::Key")) {
        yield* mustBe(id, key, { EnableKeyRotation: true });
      }
    },
  },
  {
    name: "log-groups",
    *check(template) {
      for (const [id, group] of ofType(template, "AWS::Logs::LogGroup")) {
        if (property(group, "RetentionInDays") === undefined) {
          yield { resource: id, text: "is kept for ever" };
        }
        const name = property(group, "LogGroupName") ?? null;
        const text = textOf(at(name, "Fn::Sub") ?? name);
        if (!LOG_GROUP_NAME.test(text)) {
          yield { resource: id, text: `${text} is no name that the key's policy knows` };
        }
      }
    },
  },
];

/** By a key of the customer: this template's, or one that a parameter names. */
function* encrypted(
  template: Template,
  resource: string,
  key: Value | undefined,
): Generator<Problem> {
  const id = refersTo(key, "Arn") ?? refersTo(key);
  const isOurs =
    template.Resources[id ?? ""]?.Type === "AWS::KMS::Key" ||
    (id !== undefined && template.Parameters?.[id] !== undefined);
  if (!isOurs) yield { resource, text: `is encrypted with ${textOf(key)}, no key of the customer` };
}
