import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { REFUSALS, type Refusal, type RefusalId } from "../../src/pushgateway/refusals.ts";
import { OURS, REAL } from "./gateways.ts";
import { ask, type GatewayRequest } from "./observe.ts";

type Gateway = Awaited<ReturnType<typeof OURS.start>>;

type Trial = {
  readonly given?: readonly GatewayRequest[];
  readonly request: GatewayRequest;
  /** What goes wrong in the real gateway, so that the refusal is shown to be needed. */
  readonly harm: (gateway: Gateway) => Promise<void>;
};

const put = (path: string, body: string | Buffer = ""): GatewayRequest => ({
  method: "PUT",
  path,
  body,
});
const HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n';

const scrape = ({ url }: Gateway) => ask(url, { method: "GET", path: "/metrics" });

async function breaksEveryScrape(gateway: Gateway): Promise<void> {
  expect((await scrape(gateway)).status).toBe(500);
}

const exposes = (text: string) => async (gateway: Gateway) => {
  expect((await scrape(gateway)).body).toContain(text);
};

const TRIALS: Readonly<Record<RefusalId, Trial>> = {
  "label-not-utf8": { request: put("/metrics/job/%ff", "a 1\n"), harm: breaksEveryScrape },
  "job-not-base64": {
    request: put("/metrics/job@base64/a.b", "a 1\n"),
    async harm({ url }) {
      const target = new URL("/metrics/job@base64/YQ", url);
      const waiting = fetch(target, { method: "PUT", signal: AbortSignal.timeout(500) });
      await expect(waiting).rejects.toThrow("aborted due to timeout");
    },
  },
  "twin-group": {
    given: [put("/metrics/job/j", "a 1\n")],
    request: put("/metrics/job/j/instance@base64/=", "b 1\n"),
    harm: breaksEveryScrape,
  },
  "le-in-group": {
    request: put("/metrics/job/j/le/0.5", HISTOGRAM),
    harm: exposes('h_bucket{instance="",job="j",le="0.5",le="1"} 1'),
  },
  "own-failure-time": {
    given: [put("/metrics/job/j", "a 1\n")],
    request: put("/metrics/job/j", "push_failure_time_seconds 7\n"),
    async harm(gateway) {
      await ask(gateway.url, put("/metrics/job/other", "a 1 1\n"));
      await breaksEveryScrape(gateway);
    },
  },
  "gauge-histogram": {
    given: [put("/metrics/job/other", "z 1\n")],
    request: put("/metrics/job/j", "# TYPE x gauge_histogram\nx 1\n"),
    async harm(gateway) {
      const { status, body } = await scrape(gateway);
      expect(status).toBe(200);
      expect(body).toContain("push_time_seconds{");
      expect(body).not.toContain("\nz{");
    },
  },
  "help-not-utf8": {
    request: put("/metrics/job/j", Buffer.from("# HELP a \xff\na 1\n", "latin1")),
    harm: exposes("# HELP a \ufffd\n"),
  },
  "body-cut-off": {
    request: { ...put("/metrics/job/j", "a 1\nb 1\n"), cutAfter: 4 },
    harm: exposes('a{instance="",job="j"} 1\n'),
  },
  protobuf: {
    request: {
      ...put("/metrics/job/j"),
      headers: {
        "content-type":
          "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
      },
    },
    harm: exposes('push_time_seconds{instance="",job="j"}'),
  },
};

const CASES = REFUSALS.map((refusal): Refusal & Trial => ({ ...refusal, ...TRIALS[refusal.id] }));

describe.each(CASES)("$what ($id)", ({ given = [], request, harm, status, what }) => {
  describe(OURS.name, () => {
    let gateway: Gateway;
    beforeAll(async () => {
      gateway = await OURS.start();
    });
    afterAll(() => gateway.close());

    test("refuses it, says why, and stores nothing of it", async () => {
      for (const before of given) expect((await ask(gateway.url, before)).status).toBe(200);
      const before = await scrape(gateway);

      const answer = await ask(gateway.url, request);

      expect(answer).toMatchObject({ status, body: expect.stringContaining(what) });
      expect(await scrape(gateway)).toEqual(before);
      expect((await ask(gateway.url, put("/metrics/job@base64/YQ", "a 1\n"))).status).toBe(200);
      expect((await scrape(gateway)).status).toBe(200);
    });
  });

  (REAL === undefined ? describe.skip : describe)("the real gateway", () => {
    test("comes to harm by it", async () => {
      const gateway = await (REAL ?? OURS).start();
      try {
        for (const before of given) expect((await ask(gateway.url, before)).status).toBe(200);
        await ask(gateway.url, request);
        await harm(gateway);
      } finally {
        await gateway.close();
      }
    });
  });
});
