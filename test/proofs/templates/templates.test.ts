import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Fault, withFault } from "./faults/fault.ts";
import { FUNCTION_FAULTS } from "./faults/functions.ts";
import { GATEWAY_FAULTS } from "./faults/gateway.ts";
import { LEDGER_FAULTS } from "./faults/ledger.ts";
import { type Finding, type Judgement, judge, readTemplate } from "./judge.ts";
import { packageFunctions } from "./packaged.ts";
import { SUPPRESSIONS, type Suppression } from "./suppressions.ts";
import type { Template } from "./template.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const FILES = readdirSync(join(ROOT, "infra"))
  .map((name) => `infra/${name}`)
  .filter((name) => name.endsWith(".yml") && isCloudFormation(name));

/** What osls makes of serverless.yml, infra/ledger.yml included. */
const PACKAGED = "serverless.yml";

const FAULTS = [...LEDGER_FAULTS, ...GATEWAY_FAULTS, ...FUNCTION_FAULTS];

const NAMES = [...FILES, PACKAGED];

let templates: ReadonlyMap<string, Template>;
let judgement: Judgement;

beforeAll(() => {
  templates = new Map([
    ...FILES.map((name) => [name, readTemplate(join(ROOT, name))] as const),
    [PACKAGED, readTemplate(packageFunctions())],
  ]);
  // All at once: the validator takes its time to start, and little for a template.
  judgement = judge(
    new Map([
      ...templates,
      ...FAULTS.map(
        (fault) => [nameOf(fault), withFault(template(fault.template), fault)] as const,
      ),
    ]),
  );
}, 600_000);

afterAll(() => {
  const resources = [...templates.values()].flatMap(({ Resources }) => Object.keys(Resources));
  const { validator, nag, own } = judgement.rules;
  const caught = FAULTS.filter((fault) => rulesThatFind(fault).includes(fault.rule));
  process.stdout.write(
    `\ntemplates ${templates.size}, resources ${resources.length}, ` +
      `rules ${validator + nag + own} (${validator} of CloudFormation, ${nag} of cdk-nag, ${own} own), ` +
      `suppressions ${SUPPRESSIONS.length}, seeded faults caught ${caught.length}/${FAULTS.length}\n\n`,
  );
});

test("every template is looked at", () => {
  expect(NAMES).toEqual(["infra/ledger.yml", "infra/pushgateway.yml", PACKAGED]);
});

test.each(NAMES)("%s has nothing that a rule finds, warnings included", (name) => {
  const open = findingsIn(name).filter((finding) => !SUPPRESSIONS.some(accepts(name, finding)));
  expect(open).toEqual([]);
});

test.each(SUPPRESSIONS)("a suppression is needed: $template, $rule on $resource", (suppression) => {
  const met = findingsIn(suppression.template).filter((finding) =>
    accepts(suppression.template, finding)(suppression),
  );
  expect(met.length).toBeGreaterThan(0);
});

describe("a seeded fault is found", () => {
  test.each(FAULTS)("$template: $name", (fault) => {
    expect(rulesThatFind(fault)).toContain(fault.rule);
  });
});

/** Rules that find something which is not there without the fault. */
function rulesThatFind(fault: Fault): readonly string[] {
  const before = new Set(findingsIn(fault.template).map((each) => JSON.stringify(each)));
  return findingsIn(nameOf(fault))
    .filter((each) => !before.has(JSON.stringify(each)))
    .map(({ rule }) => rule);
}

function accepts(template: string, { rule, resource, text }: Finding) {
  return (each: Suppression) =>
    each.template === template &&
    each.rule === rule &&
    each.resource === resource &&
    text.startsWith(each.text ?? "");
}

function findingsIn(name: string): readonly Finding[] {
  const found = judgement.findings.get(name);
  if (found === undefined) throw new Error(`nothing was judged by the name ${name}`);
  return found;
}

function template(name: string): Template {
  const found = templates.get(name);
  if (found === undefined) throw new Error(`no template ${name}`);
  return found;
}

function nameOf({ template: name, name: fault }: Fault): string {
  return `${name}: ${fault}`;
}

function isCloudFormation(name: string): boolean {
  return readFileSync(join(ROOT, name), "utf8").startsWith("AWSTemplateFormatVersion");
}
