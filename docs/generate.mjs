/**
 * Writes what the documentation derives from the code, between its markers.
 * `--check` writes nothing and exits 1 when a file is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const { ownDefinitions } = await load("../src/metrics/own-definitions.ts");
const { ledgerCatalogue } = await load("../src/ledger/own-families.ts");
const { ruleFiles } = await load("../src/mixin/mixin.ts");
const { REFUSALS } = await load("../src/pushgateway/refusals.ts");

const AREAS = {
  ai: "AI agents",
  "feature-store": "Feature store",
  trading: "Trading and portfolio",
  risk: "Constitution and risk",
  health: "System health",
  run: "Every run, and closing-bell itself",
};

const sections = [
  { file: "README.md", marker: "metrics", render: metricsTable },
  { file: "docs/embedded-gateway.md", marker: "refusals", render: refusalsTable },
  { file: "docs/alerts.md", marker: "alerts", render: alertsTable },
  { file: "README.md", marker: "lambda", render: () => example("lambda") },
  { file: "docs/reporting.md", marker: "report", render: () => json("../test/e2e/report.json") },
  { file: "README.md", marker: "report", render: () => json("../test/e2e/report.json") },
  { file: "docs/ai-cost.md", marker: "claude", render: () => example("claude") },
  ...["agent", "feature-store", "strategy", "backtest", "live"].map((name) => ({
    file: "docs/instrumenting.md",
    marker: name,
    render: () => example(name),
  })),
];

for (const { file, marker, render } of sections) {
  const url = new URL(`../${file}`, import.meta.url);
  const before = readFileSync(url, "utf8");
  const [begin, end] = [`<!-- ${marker}:begin -->`, `<!-- ${marker}:end -->`];
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no markers ${begin} … ${end}`);
  const after = `${before.slice(0, from + begin.length)}\n${render()}\n${before.slice(to)}`;
  if (after === before) continue;
  if (process.argv.includes("--check")) {
    console.error(`${file} is not what the code says; run: npm run docs`);
    process.exitCode = 1;
  } else writeFileSync(url, after);
}

/** What this repository's own catalogue is alerted about. */
function alertsTable() {
  const catalogue = readFileSync(new URL("../closing-bell.json", import.meta.url), "utf8");
  const rows = ruleFiles(JSON.parse(catalogue).jobs).flatMap(({ subject, rules }) =>
    rules.flatMap((rule) => ("alert" in rule ? [alertRow(subject, rule)] : [])),
  );
  return [
    "| alert | file | severity | waits | what is the matter |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function alertRow(subject, { alert, severity, description, labels = {}, for: waits = "at once" }) {
  const told = Object.entries(labels).map(([name, value]) => `, \`${name}="${value}"\``);
  const whose = severity.startsWith("{{") ? "the job's" : severity;
  const [first] = description.split(/(?<=\.) /);
  return `| [${alert}](../prometheus/runbooks/${alert}.md)${told.join("")} | ${subject} | ${whose} | ${waits} | ${first} |`;
}

/** Node 20 does not run TypeScript, so the module is bundled in memory. */
async function load(module) {
  const entry = fileURLToPath(new URL(module, import.meta.url));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

/** An example as it stands in docs/examples, where tests compile and run it. */
function example(name) {
  const code = readFileSync(new URL(`examples/${name}.ts`, import.meta.url), "utf8");
  return ["```ts", code.trimEnd(), "```"].join("\n");
}

/** A file that tests run with. */
function json(path) {
  return ["```json", readFileSync(new URL(path, import.meta.url), "utf8").trimEnd(), "```"].join(
    "\n",
  );
}

function refusalsTable() {
  const rows = REFUSALS.map(({ status, what, why }) => `| ${status} | ${what} | ${why} |`);
  return [
    "| answer | what is refused | what the real gateway does with it |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}

function metricsTable() {
  const own = [...ownDefinitions, ...Object.values(ledgerCatalogue)];
  const families = [...new Map(own.map((family) => [family.name, family])).values()];
  const rows = Object.entries(AREAS).flatMap(([area, title]) => [
    `| **${title}** | | | |`,
    ...families.filter((family) => family.area === area).map(row),
  ]);
  return ["| metric | type | labels | what it says |", "|---|---|---|---|", ...rows].join("\n");
}

function row({ name, type, labels, help }) {
  const listed = Object.entries(labels).map(([label, domain]) =>
    domain === "any" ? `\`${label}\`` : `\`${label}\` (${domain.join(", ")})`,
  );
  return `| \`${name}\` | ${type} | ${listed.join(", ")} | ${help} |`;
}
