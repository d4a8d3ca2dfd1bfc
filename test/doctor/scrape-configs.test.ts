import { describe, expect, test } from "@jest/globals";
import { scrapeConfigs } from "../../src/doctor/scrape-configs.ts";

/** As Prometheus 2.42 writes it. */
const WRITTEN = `global:
  scrape_interval: 15s
  external_labels:
    job_name: not a job
    honor_labels: "true"
rule_files:
- /etc/rules/*.yml
scrape_configs:
- job_name: node
  honor_timestamps: true
  relabel_configs:
  - source_labels: [__address__]
    separator: ;
    regex: (.*)
    target_label: honor_labels
    replacement: 'true'
    action: replace
  static_configs:
  - targets:
    - 127.0.0.1:9100
    labels:
      honor_labels: "true"
- job_name: pushgateway
  honor_labels: true
  honor_timestamps: true
  static_configs:
  - targets:
    - 127.0.0.1:9091
- job_name: 'it''s: "quoted"'
  honor_labels: true
- job_name: "tab\\there"
  honor_labels: false
remote_write:
- url: http://example/api
  name: honor_labels
`;

test("each scrape job is read from what Prometheus writes, and nothing else", () => {
  expect(Object.fromEntries(scrapeConfigs(WRITTEN))).toEqual({
    node: { honorLabels: false },
    pushgateway: { honorLabels: true },
    [`it's: "quoted"`]: { honorLabels: true },
    "tab\there": { honorLabels: false },
  });
});

test("a list may be indented below its key", () => {
  const yaml =
    "scrape_configs:\n    - job_name: a\n      honor_labels: true\n    - job_name: b\nalerting: {}\n";

  expect(Object.fromEntries(scrapeConfigs(yaml))).toEqual({
    a: { honorLabels: true },
    b: { honorLabels: false },
  });
});

describe("what is not written so is not guessed at", () => {
  test.each<{ name: string; yaml: string; honorLabels: boolean | undefined | "no job" }>([
    { name: "no scrape jobs", yaml: "global: {}\n", honorLabels: "no job" },
    { name: "an empty list", yaml: "scrape_configs: []\n", honorLabels: "no job" },
    { name: "nothing", yaml: "", honorLabels: "no job" },
    {
      name: "flow style",
      yaml: "scrape_configs: [{job_name: a, honor_labels: true}]\n",
      honorLabels: "no job",
    },
    {
      name: "an item in flow style",
      yaml: "scrape_configs:\n- {job_name: a, honor_labels: true}\n",
      honorLabels: "no job",
    },
    {
      name: "a name over two lines",
      yaml: "scrape_configs:\n- job_name: a\n    b\n  honor_labels: true\n",
      honorLabels: "no job",
    },
    {
      name: "a name in a block",
      yaml: "scrape_configs:\n- job_name: |\n    a\n  honor_labels: true\n",
      honorLabels: "no job",
    },
    {
      name: "a name whose quote does not end",
      yaml: "scrape_configs:\n- job_name: 'a\n  honor_labels: true\n",
      honorLabels: "no job",
    },
    {
      name: "a value that is neither true nor false",
      yaml: "scrape_configs:\n- job_name: a\n  honor_labels: yes\n",
      honorLabels: undefined,
    },
    {
      name: "a value on the next line",
      yaml: "scrape_configs:\n- job_name: a\n  honor_labels:\n    true\n",
      honorLabels: undefined,
    },
    {
      name: "a reference",
      yaml: "scrape_configs:\n- job_name: a\n  honor_labels: *yes\n",
      honorLabels: undefined,
    },
    {
      name: "a key that is there twice",
      yaml: "scrape_configs:\n- job_name: a\n  honor_labels: true\n  honor_labels: false\n",
      honorLabels: undefined,
    },
    {
      name: "a block that says so in its text",
      yaml: "scrape_configs:\n- job_name: a\n  params: |\n    honor_labels: true\n  x: y\n",
      honorLabels: false,
    },
  ])("$name", ({ yaml, honorLabels }) => {
    const configs = scrapeConfigs(yaml);

    if (honorLabels === "no job") expect([...configs]).toEqual([]);
    else expect(configs.get("a")).toEqual({ honorLabels });
  });
});
