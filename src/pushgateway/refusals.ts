/**
 * Pushes that the real gateway takes, or refuses and stumbles over all the same, although they
 * break every later scrape or lose data without a word. This one refuses exactly such a push and
 * stores nothing of it. Everything else is meant to behave as Pushgateway 1.5.1 does.
 */
export type Refusal = {
  readonly id: string;
  /** What is refused. */
  readonly what: string;
  /** What the real gateway does with it. */
  readonly why: string;
  /** HTTP status of the answer. */
  readonly status: 400 | 415;
};

export const REFUSALS = [
  {
    id: "label-not-utf8",
    what: "a label value in the path that is not UTF-8",
    why: "Answered with 400, but the group is created with these labels: every scrape is then 500 and every other push 400 until that group is deleted.",
    status: 400,
  },
  {
    id: "job-not-base64",
    what: "invalid base64 encoding in job name",
    why: "Answered with 400, but the handler keeps its lock (1.5.1): no later push to any job@base64 is ever answered.",
    status: 400,
  },
  {
    id: "twin-group",
    what: 'a group that differs from a stored one only by instance=""',
    why: "Both resolve to the same series. Answered with 400, but the group is created: every scrape is then 500.",
    status: 400,
  },
  {
    id: "le-in-group",
    what: "a histogram in a group with the label le",
    why: "Stored; each bucket then carries le twice and Prometheus refuses the whole scrape.",
    status: 400,
  },
  {
    id: "own-failure-time",
    what: "push_failure_time_seconds pushed to a group that exists",
    why: "Stored in place of the gateway's own gauge; if it is no gauge, the next failed push to any other group breaks every scrape.",
    status: 400,
  },
  {
    id: "gauge-histogram",
    what: 'unknown metric type "gauge_histogram"',
    why: "Stored, but the text format has no such type: every scrape ends there, with a 200, and the families that come after it in the alphabet are missing.",
    status: 400,
  },
  {
    id: "help-not-utf8",
    what: "a help text that is not UTF-8",
    why: "Stored; Prometheus refuses the whole scrape.",
    status: 400,
  },
  {
    id: "body-cut-off",
    what: "a body that ends early: less than its Content-Length, an unfinished chunk, damaged gzip",
    why: "Up to 1.5.1 a cut at the end of a line passes for the end of the body: a part of the data replaces all of it, with a 200.",
    status: 400,
  },
  {
    id: "protobuf",
    what: "a body in protobuf format",
    why: "Stored by the real gateway; this one reads the text format only.",
    status: 415,
  },
] as const satisfies readonly Refusal[];

export type RefusalId = (typeof REFUSALS)[number]["id"];

export function refusal(id: RefusalId): Refusal {
  const found = REFUSALS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no refusal named ${id}`);
  return found;
}
