/**
 * Draws dashboards as pictures, to be looked at:
 *
 *   node test/pictures/draw.mjs RENDERER PROMETHEUS OUT [now=SECONDS] [width=1280] [FILE.json ...]
 *
 * RENDERER is a folder with an installed dashboard renderer (`shot.mjs`, `app.tsx`, `node_modules`),
 * PROMETHEUS the base URL of a server with a day of data, OUT the folder for the pictures. Without
 * files it draws all of prometheus/dashboards. Installs nothing, changes nothing but OUT.
 *
 * The renderer knows a little less than Grafana does, which is taught to a copy of it: an instant query
 * gives one series for each result, a panel has a shortest step and text sizes of its own, a panel of
 * today has its own range, and "ago" counts from the picture's now. Days are those of UTC here.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SHIPPED = fileURLToPath(new URL("../../prometheus/dashboards", import.meta.url));

const PATCHES = [
  ["if (t.instant) {", "if (t.instant && t.format === 'table') {"],
  [
    "start: from - (from % step), end: to, step",
    "start: t.instant ? to : from - (from % step), end: to, step",
  ],
  [
    "for (let x = from - (from % step); x <= to;",
    "for (let x = t.instant ? to : from - (from % step); x <= to;",
  ],
  ["Math.max(scrape, (to", "Math.max(panel.interval ? seconds(panel.interval) : scrape, (to"],
  ["<BigValue value", "<BigValue text={o.text} disableWideLayout={o.wideLayout === false} value"],
  ["<BarGauge value", "<BarGauge text={o.text} namePlacement={o.namePlacement} value"],
  [
    "const params = new URLSearchParams(location.search);",
    "const params = new URLSearchParams(location.search); if (params.has('now')) Date.now = () => Number(params.get('now')) * 1000;",
  ],
];

const [renderer, prometheus, out, ...rest] = process.argv.slice(2);
const settings = rest.filter((arg) => /^\w[\w-]*=/.test(arg));
const named = rest.filter((arg) => !settings.includes(arg));
const files = named.length > 0 ? named : readdirSync(SHIPPED).map((name) => join(SHIPPED, name));
const nowSetting = settings.find((arg) => arg.startsWith("now="))?.slice("now=".length);
const now = Number(nowSetting ?? Math.floor(Date.now() / 1000));

const copy = mkdtempSync(join(tmpdir(), "closing-bell-pictures-"));
try {
  let page = readFileSync(join(renderer, "app.tsx"), "utf8");
  for (const [known, taught] of PATCHES) {
    if (!page.includes(known)) throw new Error(`this renderer has no ${known}`);
    page = page.replace(known, taught);
  }
  writeFileSync(join(copy, "app.tsx"), page);
  copyFileSync(join(renderer, "shot.mjs"), join(copy, "shot.mjs"));
  symlinkSync(resolve(renderer, "node_modules"), join(copy, "node_modules"));
  mkdirSync(out, { recursive: true });

  for (const file of files) {
    const json = join(copy, basename(file));
    writeFileSync(json, JSON.stringify(ofToday(JSON.parse(readFileSync(file, "utf8")))));
    const picture = resolve(out, `${basename(file, ".json")}.png`);
    const args = ["--preserve-symlinks", "shot.mjs", json, prometheus, picture];
    const { status } = spawnSync(
      process.execPath,
      [...args, ...settings, "width=1280", `now=${now}`],
      {
        cwd: copy,
        stdio: "inherit",
      },
    );
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/** With the length of the day so far in the panels that are of it, and its words in their titles. */
function ofToday(board) {
  const range = `${Math.max(60, now % 86_400)}s`;
  for (const panel of board.panels) {
    if (panel.timeFrom !== "now/d") continue;
    if (panel.hideTimeOverride !== true) panel.title += " · Today so far";
    for (const target of panel.targets) target.expr = target.expr.replaceAll("$__range", range);
  }
  return board;
}
