import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  ALERTMANAGER_FILE,
  COMPOSE_FILE,
  PROMETHEUS_FILE,
  type PrometheusConfig,
  readYaml,
  shipped,
} from "./shipped.ts";

/*
 * What can be said of the compose file without an engine. It was never started by a test.
 */

type Compose = {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

type Service = {
  readonly image: string;
  readonly user: string;
  readonly command?: readonly string[];
  readonly ports: readonly string[];
  readonly volumes?: readonly (string | Bind)[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[]; readonly interval: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
} & Readonly<Record<string, unknown>>;

type Bind = { readonly type: string; readonly source: string; readonly target: string };

type Provisioned = {
  readonly datasources: readonly Readonly<Record<string, unknown>>[];
  readonly providers: readonly Readonly<Record<string, unknown>>[];
};

const compose = readYaml<Compose>(COMPOSE_FILE);
const services = Object.entries(compose.services).map(([name, service]) => ({ name, service }));

test("Pushgateway, Prometheus, Alertmanager and Grafana", () => {
  expect(Object.keys(compose.services).sort()).toEqual([
    "alertmanager",
    "grafana",
    "prometheus",
    "pushgateway",
  ]);
});

describe.each(services)("$name", ({ name, service }) => {
  test("is pinned to one version", () => {
    expect(service.image).toMatch(/^(?:prom|grafana)\/\w+:v?\d+\.\d+\.\d+$/);
  });

  test("may do nothing that it need not", () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    expect(service).not.toHaveProperty("cap_add");
    expect(service).not.toHaveProperty("privileged");
    expect(service).not.toHaveProperty("network_mode");
    expect(service.user).toMatch(/^(?!0:)\d+:\d+$/);
  });

  test("is open to this machine only", () => {
    expect(service.ports).toHaveLength(1);
    expect(service.ports[0]).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test("is asked whether it is well, at the port that it has", () => {
    const inside = service.ports[0]?.split(":").at(-1);
    const { test: command, interval } = service.healthcheck;

    expect(command.slice(0, -1)).toEqual(["CMD", "wget", "-q", "--spider"]);
    expect(command.at(-1)).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${inside}/`));
    expect(interval).toBe("10s");
  });

  test("comes after what it needs is well", () => {
    const conditions = Object.entries(service.depends_on ?? {});
    expect(conditions.filter(([needed]) => compose.services[needed] === undefined)).toEqual([]);
    expect(conditions.filter(([, { condition }]) => condition !== "service_healthy")).toEqual([]);
  });

  test("is given what this repository has, for reading, and volumes of its own", () => {
    for (const volume of (service.volumes ?? []).filter((each) => typeof each === "string")) {
      const [source = "", target, mode] = volume.split(":");
      expect(target).toMatch(/^\//);
      if (source.startsWith(".")) {
        expect(mode).toBe("ro");
        expect(existsSync(resolve(dirname(COMPOSE_FILE), source))).toBe(true);
      } else {
        expect(compose.volumes).toHaveProperty(source);
        expect(source).toBe(name);
      }
    }
  });
});

test("a Pushgateway that keeps nothing on disk", () => {
  const { pushgateway } = compose.services;
  expect(pushgateway?.command?.join(" ")).not.toContain("persistence");
  expect(pushgateway).not.toHaveProperty("volumes");
});

test("Prometheus 3 and Alertmanager read the shipped configuration where it is mounted", () => {
  const { prometheus, alertmanager } = compose.services;

  expect(prometheus?.image).toMatch(/^prom\/prometheus:v3\./);
  for (const [service, file] of [
    [prometheus, PROMETHEUS_FILE],
    [alertmanager, ALERTMANAGER_FILE],
  ] as const) {
    expect(service?.volumes).toContain("../prometheus:/etc/closing-bell:ro");
    const inside = file.replace(shipped("prometheus"), "/etc/closing-bell");
    expect(service?.command).toContain(`--config.file=${inside}`);
  }
});

test("every host that Prometheus asks is a service, itself, or this machine", () => {
  const { scrape_configs } = readYaml<PrometheusConfig>(PROMETHEUS_FILE);
  const hosts = scrape_configs
    .flatMap(({ static_configs }) => static_configs)
    .flatMap(({ targets }) => targets)
    .map((target) => target.split(":")[0] ?? "");

  const others = hosts.filter((host) => compose.services[host] === undefined);
  expect(others.sort()).toEqual(["host.docker.internal", "localhost"]);
  expect(compose.services["prometheus"]).toMatchObject({
    extra_hosts: ["host.docker.internal:host-gateway"],
  });
});

test("Grafana on 3001, with a password that has no default", () => {
  const { grafana } = compose.services;
  const password = grafana?.environment?.["GF_SECURITY_ADMIN_PASSWORD"];

  expect(grafana?.ports).toEqual(["127.0.0.1:3001:3000"]);
  expect(password).toMatch(/^\$\{GRAFANA_PASSWORD:\?[^}]+\}$/);
  expect(JSON.stringify(compose)).not.toMatch(/\$\{[A-Z_]+(?::?-[^}]*)?\}/);
});

test("Alertmanager's secrets are a folder of the user's, which is not made where it is missing", () => {
  const binds = (compose.services["alertmanager"]?.volumes ?? []).filter(
    (volume) => typeof volume !== "string",
  );
  expect(binds).toEqual([
    {
      type: "bind",
      source: expect.stringMatching(/^\$\{ALERTMANAGER_SECRETS:\?[^}]+\}$/),
      target: "/etc/alertmanager/secrets",
      read_only: true,
      bind: { create_host_path: false },
    },
  ]);
});

test("Grafana finds Prometheus and the dashboards by itself", () => {
  const provisioning = "infra/grafana/provisioning";
  const { datasources } = readYaml<Provisioned>(
    shipped(`${provisioning}/datasources/prometheus.yml`),
  );
  const { providers } = readYaml<Provisioned>(
    shipped(`${provisioning}/dashboards/closing-bell.yml`),
  );

  expect(compose.services["grafana"]?.volumes).toContain(
    "./grafana/provisioning:/etc/grafana/provisioning:ro",
  );
  expect(datasources).toEqual([
    expect.objectContaining({ uid: "prometheus", url: "http://prometheus:9090", isDefault: true }),
  ]);
  expect(providers).toEqual([
    expect.objectContaining({
      allowUiUpdates: false,
      options: { path: "/etc/closing-bell/dashboards" },
    }),
  ]);
});
