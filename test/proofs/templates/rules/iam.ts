/** Who may do what. */
import {
  at,
  listOf,
  ofType,
  type Problem,
  property,
  type Resource,
  type Rule,
  refersTo,
  type Statement,
  statementsIn,
  type Template,
  textOf,
  type Value,
} from "../template.ts";

/** Of a ledger's table, all that any role may have: those who fold and publish need these. */
const LEDGER_ACTIONS = [
  "dynamodb:BatchGetItem",
  "dynamodb:DeleteItem",
  "dynamodb:PutItem",
  "dynamodb:Query",
  "dynamodb:UpdateItem",
];

const STREAM_ACTIONS = [
  "dynamodb:DescribeStream",
  "dynamodb:GetRecords",
  "dynamodb:GetShardIterator",
  "dynamodb:ListStreams",
];

/** What a job is allowed, by what it is allowed it on. */
const JOB_ACTIONS = [
  "dynamodb:PutItem",
  "kms:Decrypt",
  "logs:CreateLogStream",
  "logs:PutLogEvents",
  "sqs:SendMessage",
  "ssm:GetParameters",
];

const IDENTITY_TYPES = [
  "AWS::IAM::Role",
  "AWS::IAM::Policy",
  "AWS::IAM::ManagedPolicy",
  "AWS::IAM::RolePolicy",
  "AWS::IAM::UserPolicy",
  "AWS::IAM::GroupPolicy",
  "AWS::IAM::User",
  "AWS::IAM::Group",
];

/** A log group's own ARN ends so: it stands for its streams. */
const STREAMS_OF_A_LOG_GROUP = /:log-group:[^*]+:(?:log-stream:[^*]+)?\*$/;

export const iamRules: readonly Rule[] = [
  {
    name: "exact-actions",
    *check(template) {
      for (const { id, statement } of granted(template)) {
        const loose = listOf(statement["Action"]).filter((action) => textOf(action).includes("*"));
        if (loose.length > 0) yield problem(id, `allows ${loose.map(textOf).join(", ")}`);
        if (statement["NotAction"] !== undefined) yield problem(id, "allows all but some actions");
      }
    },
  },
  {
    name: "exact-resources",
    *check(template) {
      for (const { id, statement } of granted(template)) {
        for (const resource of listOf(statement["Resource"])) {
          const text = arnText(resource);
          if (!text.includes("*") || STREAMS_OF_A_LOG_GROUP.test(text)) continue;
          yield problem(id, `allows ${listOf(statement["Action"]).map(textOf)} on ${text}`);
        }
        if (statement["Resource"] === undefined) yield problem(id, "allows on what it names not");
      }
    },
  },
  {
    name: "ledger-actions",
    *check(template) {
      for (const { id, statement } of granted(template)) {
        for (const action of dynamodbActions(statement)) {
          if (LEDGER_ACTIONS.includes(action) || STREAM_ACTIONS.includes(action)) continue;
          yield problem(id, `${action} is nobody's: the ledger needs no such right`);
        }
      }
    },
  },
  {
    name: "jobs-only-put",
    *check(template) {
      const table = ofType(template, "AWS::DynamoDB::Table")[0]?.[0];
      for (const role of jobRoles(template)) {
        const statements = statementsOf(template, role);
        const actions = statements.flatMap(({ Action }) => listOf(Action ?? null).map(textOf));
        for (const action of actions.filter((each) => !JOB_ACTIONS.includes(each))) {
          yield problem(role, `a job may ${action}`);
        }
        const puts = statements.filter((each) => dynamodbActions(each).length > 0);
        const isTheTable = puts.every((each) =>
          listOf(each["Resource"]).every((arn) => refersTo(arn, "Arn") === table),
        );
        if (puts.length !== 1) yield problem(role, `${puts.length} statements are about DynamoDB`);
        if (!isTheTable) yield problem(role, "it may put into something other than the ledger");
      }
    },
  },
  {
    name: "own-role",
    *check(template) {
      const users = ofType(template, "AWS::Lambda::Function").map(([id, each]) => ({
        id,
        role: refersTo(property(each, "Role"), "Arn") ?? "",
      }));
      for (const { id, role } of users) {
        const sharing = users.filter((each) => each.role === role && each.id !== id);
        if (sharing.length > 0) yield problem(id, `shares its role with ${sharing[0]?.id}`);
        const trusted = textOf(
          at(template.Resources[role]?.Properties, "AssumeRolePolicyDocument"),
        );
        const isLambdaAlone =
          trusted.includes('"lambda.amazonaws.com"') && !trusted.includes("scheduler");
        if (!isLambdaAlone) yield problem(id, `its role ${role} trusts ${trusted}`);
      }
      for (const [id, role] of ofType(template, "AWS::IAM::Role")) {
        const managed = listOf(property(role, "ManagedPolicyArns"));
        if (managed.length > 0) yield problem(id, `has ${textOf(managed)}, written by others`);
      }
    },
  },
  {
    name: "parameters-key",
    *check(template) {
      for (const { id, statement } of granted(template)) {
        const isDecrypt = listOf(statement["Action"]).some(
          (each) => textOf(each) === "kms:Decrypt",
        );
        if (!isDecrypt) continue;
        const names = at(
          statement["Condition"],
          "StringEquals.kms:EncryptionContext:PARAMETER_ARN",
        );
        if (names === undefined)
          yield problem(id, "may decrypt whatever was encrypted with the key");
        else if (textOf(names).includes("*")) yield problem(id, `may decrypt ${textOf(names)}`);
      }
    },
  },
  {
    name: "key-policy",
    *check(template) {
      for (const [id, key] of ofType(template, "AWS::KMS::Key")) {
        for (const statement of statementsIn(property(key, "KeyPolicy"))) {
          yield* keyStatement(id, statement);
        }
      }
    },
  },
];

function* keyStatement(id: string, statement: Statement): Generator<Problem> {
  const { Principal: principal = null, Action: action = null } = statement;
  const isRoot = textOf(principal).includes(":iam::") && textOf(principal).includes(":root");
  const loose = listOf(action).some((each) => textOf(each).includes("*"));
  if (loose && !isRoot) yield problem(id, `${textOf(action)} is allowed to ${textOf(principal)}`);
  if (textOf(at(principal, "AWS")) !== "*" && principal !== "*") return;
  const condition = at(statement["Condition"], "StringEquals") ?? null;
  const isOurs = textOf(at(condition, "kms:CallerAccount")) === '{"Ref":"AWS::AccountId"}';
  const through = listOf(at(condition, "kms:ViaService")).map(textOf);
  const isThrough = through.length > 0 && through.every((each) => !each.includes("*"));
  if (!isOurs || !isThrough) yield problem(id, "anybody may use the key");
}

function* granted(
  template: Template,
): Generator<{ readonly id: string; readonly statement: Statement }> {
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (!IDENTITY_TYPES.includes(resource.Type)) continue;
    for (const statement of identityStatements(resource)) {
      if (statement["Effect"] === "Allow") yield { id, statement };
    }
  }
}

/** Without who may take the role on, which is no grant. */
function identityStatements({ Properties = {} }: Resource): readonly Statement[] {
  const { AssumeRolePolicyDocument: _, ...rest } = Properties;
  return statementsIn(rest);
}

/** Of a role: its own, and those of policies that are attached to it. */
function statementsOf(template: Template, role: string): readonly Statement[] {
  const attached = Object.values(template.Resources).filter((each) =>
    listOf(property(each, "Roles")).some((name) => refersTo(name) === role),
  );
  const own = template.Resources[role];
  return [...(own === undefined ? [] : [own]), ...attached].flatMap(identityStatements);
}

/** Roles of functions that no stream wakes: all but the reporter's. */
function jobRoles(template: Template): readonly string[] {
  const woken = ofType(template, "AWS::Lambda::EventSourceMapping").map(([, mapping]) => {
    const name = property(mapping, "FunctionName");
    return refersTo(name, "Arn") ?? refersTo(name);
  });
  return ofType(template, "AWS::Lambda::Function")
    .filter(([id]) => !woken.includes(id))
    .flatMap(([, each]) => refersTo(property(each, "Role"), "Arn") ?? []);
}

function dynamodbActions(statement: Statement): readonly string[] {
  return listOf(statement["Action"])
    .map(textOf)
    .filter((action) => action.startsWith("dynamodb:"));
}

/** An ARN's text; what functions put into it stays as it is written. */
function arnText(value: Value): string {
  const sub = listOf(at(value, "Fn::Sub"))[0];
  return textOf(sub ?? value);
}

function problem(resource: string, text: string): Problem {
  return { resource, text };
}
