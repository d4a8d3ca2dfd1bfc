/**
 * Writes what the documentation derives from the code, between its markers in README.md.
 * `--check` writes nothing and exits 1 when a file is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { catalogue, runCatalogue } from "../dist/index.js";

const README = new URL("../README.md", import.meta.url);

const AREAS = {
  ai: "AI agents",
  "feature-store": "Feature store",
  trading: "Trading and portfolio",
  risk: "Constitution and risk",
  health: "System health",
  run: "Every run",
};

const sections = { metrics: metricsTable };

const before = readFileSync(README, "utf8");
let after = before;
for (const [name, render] of Object.entries(sections)) {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, to] = [after.indexOf(begin), after.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no markers ${begin} … ${end}`);
  after = `${after.slice(0, from + begin.length)}\n${render()}\n${after.slice(to)}`;
}
if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("README.md is not what the code says; run: npm run docs");
    process.exitCode = 1;
  }
} else writeFileSync(README, after);

function metricsTable() {
  const families = [...Object.values(catalogue), ...Object.values(runCatalogue)];
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
