/**
 * Judges CloudFormation templates without an account: what CDK finds when it reads one, what the
 * offline validator of CloudFormation finds in it, cdk-nag's rules for AWS solutions, and our own.
 *
 * CDK's own run of these in `synth` throws at errors and prints warnings. Here both are findings, and
 * so are warnings: the plugins are called as it calls them, once for all templates.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import {
  App,
  CloudFormationValidatePlugin,
  DefaultStackSynthesizer,
  type IStackSynthesizer,
  type PolicyViolation,
  Stack,
} from "aws-cdk-lib/core";
import { AwsSolutionsChecks } from "cdk-nag";
import { dataRules } from "./rules/data.ts";
import { functionRules } from "./rules/functions.ts";
import { gatewayRules } from "./rules/gateway.ts";
import { iamRules } from "./rules/iam.ts";
import { textRules } from "./rules/text.ts";
import type { Rule, Template } from "./template.ts";

export type Finding = {
  /** Its id where it was found, e.g. `W3011`, `AwsSolutions-IAM5[Resource::*]`, `singleton`. */
  readonly rule: string;
  /** A logical id; empty when it is about the template. */
  readonly resource: string;
  readonly text: string;
};

export type Judgement = {
  /** By the names that the templates were given by. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
  /** How many rules there are, by whose they are. */
  readonly rules: { readonly validator: number; readonly nag: number; readonly own: number };
};

const OWN: readonly Rule[] = [
  ...iamRules,
  ...dataRules,
  ...functionRules,
  ...gatewayRules,
  ...textRules,
];

/** What CDK refuses to read is a finding by this name. */
export const UNREADABLE = "unreadable";

/** The template in a file, YAML or JSON, with its functions in their long form. */
export function readTemplate(file: string): Template {
  return withDirectory((directory) => {
    const { path } = synthesize(file, directory);
    return JSON.parse(readFileSync(path, "utf8"), inOneForm);
  });
}

export function judge(templates: ReadonlyMap<string, Template>): Judgement {
  return withDirectory((directory) => {
    const nagRules = new Set<string>();
    const read = [...templates].map(([name, template], index) => {
      const file = join(directory, `${index}.json`);
      writeFileSync(file, JSON.stringify(template));
      try {
        return { name, ...synthesize(file, join(directory, `${index}`)) };
      } catch (error) {
        const text = (error as Error).message;
        return { name, failure: { rule: UNREADABLE, resource: "", text } };
      }
    });
    const readable = read.flatMap((each) => ("path" in each ? [each] : []));
    const validator = new CloudFormationValidatePlugin();
    const invalid = validate(validator, readable);
    const findings = read.map((each) => {
      const template = templates.get(each.name) ?? { Resources: {} };
      const ofCdk =
        "failure" in each
          ? [each.failure]
          : [...(invalid.get(each.path) ?? []), ...nag(each.app, nagRules)];
      return [each.name, [...ofCdk, ...ownFindings(template)]] as const;
    });
    const rules = { validator: countRules(validator), nag: nagRules.size, own: OWN.length };
    return { findings: new Map(findings), rules };
  });
}

/** CloudFormation knows two forms of this function. */
function inOneForm(key: string, value: unknown): unknown {
  return key === "Fn::GetAtt" && typeof value === "string" ? value.split(/\.(.*)/s, 2) : value;
}

type Synthesized = { readonly app: App; readonly path: string };

/** @throws when CDK cannot make sense of the template, e.g. of a reference to nothing. */
function synthesize(file: string, outdir: string): Synthesized {
  const app = new App({
    outdir,
    analyticsReporting: false,
    treeMetadata: false,
    // Where a construct was made is of no interest, and costs a stack trace each.
    context: {
      "@aws-cdk/core:validateAgainstDefaultRules": false,
      "aws:cdk:disable-stack-trace": true,
    },
  });
  // A template that CDK deploys would have its version checked: one more parameter and rule.
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, "Stack", { synthesizer: synthesizer as IStackSynthesizer });
  new CfnInclude(stack, "Template", { templateFile: file });
  const [artifact] = app.synth().stacks;
  return { app, path: artifact?.templateFullPath ?? "" };
}

/** What CloudFormation's validator has to say, by the path of the template. */
function validate(
  validator: CloudFormationValidatePlugin,
  read: readonly Synthesized[],
): ReadonlyMap<string, readonly Finding[]> {
  const [first] = read;
  if (first === undefined) return new Map();
  const { violations } = validator.validate({
    appConstruct: first.app,
    templatePaths: read.map(({ path }) => path),
    stackTemplates: read.map(({ path }) => ({
      stackConstructPath: path,
      templatePath: path,
      accountId: undefined,
      region: undefined,
    })),
  });
  const found = new Map<string, Finding[]>();
  for (const violation of violations) {
    for (const { templatePath = "", resourceLogicalId = "" } of violation.violatingResources) {
      const finding = findingOf(violation, resourceLogicalId);
      found.set(templatePath, [...(found.get(templatePath) ?? []), finding]);
    }
  }
  return found;
}

/** The plugin tells its version for its rules; its engine knows them. */
function countRules(validator: CloudFormationValidatePlugin): number {
  const { engine } = validator as unknown as { readonly engine?: { listRules(): unknown[] } };
  return engine?.listRules().length ?? 0;
}

/** @param evaluated gets the name of every rule that looked at a resource. */
function nag(app: App, evaluated: Set<string>): readonly Finding[] {
  const checks = new AwsSolutionsChecks(app);
  type Applied = { readonly ruleSuffixOverride?: string; readonly rule: { readonly name: string } };
  const { applyRule } = checks as unknown as { readonly applyRule: (applied: Applied) => void };
  // The pack does not tell which rules it has.
  Object.assign(checks, {
    applyRule(applied: Applied) {
      evaluated.add(applied.ruleSuffixOverride ?? applied.rule.name);
      applyRule.call(checks, applied);
    },
  });
  return checks
    .validateScope(app)
    .violations.flatMap((violation) =>
      violation.violatingResources.map(({ constructPath = "" }) =>
        findingOf(violation, constructPath.split("/").at(-1) ?? ""),
      ),
    );
}

function findingOf({ ruleName, description }: PolicyViolation, resource: string): Finding {
  return { rule: ruleName, resource, text: description };
}

function ownFindings(template: Template): readonly Finding[] {
  return OWN.flatMap(({ name, check }) =>
    [...check(template)].map((problem) => ({ rule: name, ...problem })),
  );
}

function withDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "closing-bell-templates-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
