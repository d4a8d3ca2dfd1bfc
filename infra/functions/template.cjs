/**
 * What serverless.yml takes from code: CommonJS, which is all that osls loads, of TypeScript, which
 * Node 20 does not run.
 */
const { join } = require("node:path");
const { buildSync } = require("esbuild");

const loaded = load();

module.exports = {
  /** What follows from closing-bell.json. */
  configured: async () => (await loaded).configured(join(__dirname, "../../closing-bell.json")),
  filterPatterns: async () => (await loaded).filterPatterns,
  /** Resources: alarms that know how much time serverless.yml gives to each function. */
  async alarms({ resolveConfigurationProperty }) {
    const functions = await resolveConfigurationProperty(["functions"]);
    const timeouts = Object.entries(functions).map(([name, { timeout }]) => [name, timeout]);
    const { alarmResources } = await loaded;
    return alarmResources({ timeouts: Object.fromEntries(timeouts) });
  },
};

async function load() {
  const { outputFiles } = buildSync({
    entryPoints: [join(__dirname, "template.ts")],
    absWorkingDir: join(__dirname, "../.."),
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
