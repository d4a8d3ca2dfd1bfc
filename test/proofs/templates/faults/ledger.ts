import { type Fault, placeholder } from "./fault.ts";

const LEDGER = "infra/ledger.yml";

export const LEDGER_FAULTS: readonly Fault[] = [
  {
    name: "point-in-time recovery off",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "PointInTimeRecoverySpecification"],
    value: { PointInTimeRecoveryEnabled: false },
    rule: "ledger-table",
  },
  {
    name: "point-in-time recovery off, as others see it",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "PointInTimeRecoverySpecification"],
    rule: "AwsSolutions-DDB3",
  },
  {
    name: "no UpdateReplacePolicy",
    template: LEDGER,
    at: ["LedgerTable", "UpdateReplacePolicy"],
    rule: "W3011",
  },
  {
    name: "the key deleted with its stack",
    template: LEDGER,
    at: ["LedgerKey", "DeletionPolicy"],
    value: "Delete",
    rule: "retained",
  },
  {
    name: "a table without the customer's key",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "SSESpecification"],
    rule: "ledger-table",
  },
  {
    name: "a key that is never rotated",
    template: LEDGER,
    at: ["LedgerKey", "Properties", "EnableKeyRotation"],
    value: false,
    rule: "AwsSolutions-KMS5",
  },
  {
    name: "a key for every account",
    template: LEDGER,
    at: ["LedgerKey", "Properties", "KeyPolicy", "Statement", 1, "Condition"],
    rule: "key-policy",
  },
  {
    name: "another time to live",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "TimeToLiveSpecification", "AttributeName"],
    value: "ttl",
    rule: "ledger-table",
  },
  {
    name: "an unknown property",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "DeletionProtected"],
    value: true,
    rule: "F3002",
  },
  {
    name: "an enumeration's unknown value",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "StreamSpecification", "StreamViewType"],
    value: "KEYS",
    rule: "W3030",
  },
  {
    name: "an attribute that is none",
    template: LEDGER,
    at: ["LedgerTable", "Properties", "SSESpecification", "KMSMasterKeyId", "Fn::GetAtt", 1],
    value: "Arm",
    rule: "E9004",
  },
  {
    name: "a reference to nothing",
    template: LEDGER,
    at: ["LedgerKeyName", "Properties", "TargetKeyId"],
    value: { Ref: "LedgerKay" },
    rule: "unreadable",
  },
  {
    name: "a placeholder in plain text",
    template: LEDGER,
    at: ["LedgerKey", "Properties", "KeyPolicy", "Statement", 0, "Principal", "AWS"],
    value: `arn:aws:iam::${placeholder("AWS::AccountId")}:root`,
    rule: "literal-placeholder",
  },
];
