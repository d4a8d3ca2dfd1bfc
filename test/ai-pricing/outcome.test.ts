import { expect, test } from "@jest/globals";
import { outcomeOfError } from "../../src/ai-pricing/outcome.ts";

class APIUserAbortError extends Error {}

const unlookable = new Proxy(new Error("no"), {
  get() {
    throw new Error("do not look");
  },
});

test.each<{ name: string; error: unknown; outcome: string }>([
  {
    name: "the platform's abort",
    error: Object.assign(new Error("x"), { name: "AbortError" }),
    outcome: "aborted",
  },
  { name: "an SDK's abort by its class", error: new APIUserAbortError("x"), outcome: "aborted" },
  {
    name: "an SDK's abort by its message",
    error: new Error("Request was aborted."),
    outcome: "aborted",
  },
  {
    name: "a timeout",
    error: Object.assign(new Error("x"), { name: "TimeoutError" }),
    outcome: "failed",
  },
  { name: "any error", error: new Error("overloaded"), outcome: "failed" },
  { name: "text", error: "AbortError", outcome: "failed" },
  { name: "nothing", error: undefined, outcome: "failed" },
  { name: "what has no class", error: Object.create(null), outcome: "failed" },
  { name: "what cannot be looked at", error: unlookable, outcome: "failed" },
])("a request that ends with $name has $outcome", ({ error, outcome }) => {
  expect(outcomeOfError(error)).toBe(outcome);
});
