import { expect, test } from "@jest/globals";
import { appendedPartitions, STREAM_FILTER } from "../../src/lambda/stream-filter.ts";

const NIGHTLY = '{job="nightly"}';
const OWN = '{job="closing_bell_reporter"}';

function event(...records: readonly (readonly [string, string, string])[]) {
  return {
    Records: records.map(([eventName, pk, sk]) => ({
      eventSource: "aws:dynamodb",
      eventName,
      dynamodb: { Keys: { pk: { S: pk }, sk: { S: sk } } },
    })),
  };
}

test("the filter says what wakes the reporter, in Lambda's own form", () => {
  expect(STREAM_FILTER).toEqual({
    eventName: ["INSERT"],
    dynamodb: {
      Keys: { pk: { S: [{ "anything-but": [OWN] }] }, sk: { S: [{ prefix: "P#" }] } },
    },
  });
});

test.each<{ name: string; given: unknown; partitions: readonly string[] }>([
  {
    name: "appended records, each group once",
    given: event(["INSERT", NIGHTLY, "P#1"], ["INSERT", NIGHTLY, "P#2"], ["INSERT", "{x}", "P#3"]),
    partitions: [NIGHTLY, "{x}"],
  },
  { name: "nothing folded", given: event(["REMOVE", NIGHTLY, "P#1"]), partitions: [] },
  { name: "nothing changed", given: event(["MODIFY", NIGHTLY, "S"]), partitions: [] },
  { name: "no done mark", given: event(["INSERT", NIGHTLY, "D#1"]), partitions: [] },
  { name: "not the reporter's own run", given: event(["INSERT", OWN, "P#1"]), partitions: [] },
  {
    name: "nothing without keys",
    given: { Records: [{ eventSource: "aws:dynamodb", eventName: "INSERT" }] },
    partitions: [],
  },
])("a stream's event names $name", ({ given, partitions }) => {
  expect([...(appendedPartitions(given) ?? ["no stream"])]).toEqual(partitions);
});

test.each([
  undefined,
  null,
  "tick",
  {},
  { Records: [] },
  { Records: "P#" },
  { Records: [null] },
  { Records: [{ eventSource: "aws:sqs" }] },
  { source: "aws.scheduler" },
])("%j is no event of a stream", (given) => {
  expect(appendedPartitions(given)).toBeUndefined();
});
