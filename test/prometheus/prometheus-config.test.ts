import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { describeWithServer, findServer, serverEnvironment } from "../support/servers.ts";
import {
  matching,
  PROMETHEUS_FILE,
  type PrometheusConfig,
  readYaml,
  type ScrapeConfig,
  shipped,
} from "./shipped.ts";

const config = readYaml<PrometheusConfig>(PROMETHEUS_FILE);

describeWithServer("promtool")("promtool check config", () => {
  test("takes prometheus.yml and its rules", () => {
    const { status, output } = checkConfig(PROMETHEUS_FILE);

    expect(output).not.toContain("FAILED");
    expect(status).toBe(0);
    // It says nothing of a glob that matches no file, but names each file of one that does.
    for (const glob of config.rule_files) {
      for (const file of matching(glob, PROMETHEUS_FILE)) expect(output).toContain(file);
    }
  });

  test("takes it with the remote write uncommented", () => {
    const folder = mkdtempSync(join(tmpdir(), "closing-bell-prometheus-"));
    try {
      const text = uncommented(readFileSync(PROMETHEUS_FILE, "utf8"));
      writeFileSync(join(folder, "prometheus.yml"), text);
      symlinkSync(shipped("prometheus/rules"), join(folder, "rules"));

      const { status, output } = checkConfig(join(folder, "prometheus.yml"));

      expect(output).not.toContain("FAILED");
      expect(status).toBe(0);
      expect(parse(text)["remote_write"]).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("prometheus.yml", () => {
  test.each(config.rule_files)("%s matches a file", (glob) => {
    expect(matching(glob, PROMETHEUS_FILE)).not.toEqual([]);
  });

  test("keeps the labels of what was pushed", () => {
    expect(scrapeConfig("pushgateway")).toMatchObject({
      honor_labels: true,
      static_configs: [{ targets: ["pushgateway:9091"] }],
    });
  });

  test("scrapes the trading system's own port, as live, every 15 seconds", () => {
    expect(scrapeConfig("ai-trading-system")).toEqual({
      job_name: "ai-trading-system",
      scrape_interval: "15s",
      static_configs: [{ targets: ["host.docker.internal:8001"], labels: { mode: "live" } }],
    });
  });
});

function scrapeConfig(job: string): ScrapeConfig | undefined {
  return config.scrape_configs.find(({ job_name }) => job_name === job);
}

/** With the block at its end, as its comment says. */
function uncommented(text: string): string {
  const at = text.indexOf("#remote_write:");
  return text.slice(0, at) + text.slice(at).replaceAll(/^#/gm, "");
}

function checkConfig(file: string) {
  const { status, stdout, stderr } = spawnSync(
    findServer("promtool") ?? "",
    ["check", "config", file],
    { encoding: "utf8", env: serverEnvironment("promtool") },
  );
  return { status, output: stdout + stderr };
}
