import { expect, test } from "@jest/globals";
import { cleanRedirect, routeOf } from "../../src/pushgateway/routes.ts";

/** Each as the real gateway routes it. */
test.each<[string, string]>([
  ["PUT /metrics/job/j", "push j false "],
  ["POST /metrics/job/j/", "push j false /"],
  ["DELETE /metrics/job@base64/ag/x/1", "delete ag true /x/1"],
  ["GET /metrics", "scrape"],
  ["GET /", "about"],
  ["GET /-/ready", "health"],
  ["GET /api/v1/metrics", "api-metrics"],
  ["OPTIONS /api/v1/anything", "options"],
  ["OPTIONS /metrics", "options"],
  ["OPTIONS /nope", "not-found"],
  ["PUT /-/quit", "quit-disabled"],
  ["GET /metrics/job/j", "wrong-method DELETE,OPTIONS,POST,PUT"],
  ["HEAD /metrics", "wrong-method GET,OPTIONS"],
  ["PUT /metrics/job", "not-found"],
  ["PUT /metrics/jobs/j", "not-found"],
  ["PUT /metrics/job@base64/", "not-found"],
  ["PUT /metrics/job/", "307 /metrics/job"],
  ["PUT /METRICS/Job/J/X/y", "307 /metrics/job/J/X/y"],
  ["GET /-/READY", "301 /-/ready"],
  ["GET /metrics/", "301 /metrics"],
  ["GET /api/v1", "301 /api/v1/"],
  ["PUT /metrics/job/j/x//y/1", "301 /metrics/job/j/x/y/1"],
  ["PUT /metrics/job/j/./x/../y/", "301 /metrics/job/j/y/"],
  ["PUT /../..", "301 /"],
])("%s: %s", (request, expected) => {
  const [method = "", path = ""] = request.split(" ");
  const route = cleanRedirect(path) ?? routeOf(method, path);
  const text = () => {
    if (route.kind === "redirect") return `${route.status} ${route.path}`;
    if (route.kind === "wrong-method") return `${route.kind} ${route.allow}`;
    if (!("job" in route)) return route.kind;
    return `${route.kind} ${route.job.job} ${route.job.jobIsBase64} ${route.job.rest}`;
  };
  expect(text()).toBe(expected);
});
