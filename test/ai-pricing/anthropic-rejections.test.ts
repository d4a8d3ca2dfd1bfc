import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { bundleProgram } from "../support/bundle.ts";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import { runProgram } from "./run-program.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi({
    answer: ({ body }) =>
      body?.["model"] === "unhandled-body"
        ? { type: "stream", end: { type: "error", after: 1 } }
        : { type: "error", status: 429, message: String(body?.["model"]) },
  });
});

afterEach(() => api.close());

test.each(["bare", "instrumented"])(
  "a rejection is unhandled once when the job does not handle it, and never when it does (%s client)",
  async (kind) => {
    const program = bundleProgram("ai-pricing/rejecting.ts");

    const printed = await runProgram(program, [api.url, kind]);

    expect(api.requests).toHaveLength(9);
    expect(JSON.parse(printed).sort()).toEqual([
      "APIError: Overloaded",
      "RateLimitError: unhandled",
      "RateLimitError: unhandled-stream",
      "RateLimitError: unhandled-then",
      "RateLimitError: unhandled-tracked",
    ]);
  },
);
