import { groupingKey } from "../grouping-key.ts";
import { PENDING, partitionOf } from "../ledger/dynamodb/keys.ts";
import { REPORTER_JOB } from "../reporter/report.ts";

/** The reporter's own group: its runs must not wake it, or it would run for ever. */
const OWN = partitionOf(groupingKey(REPORTER_JOB));

/**
 * What of the ledger table's stream wakes the reporter: a pending record that somebody else appended.
 * Given to the event source mapping, so that the rest starts no function.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 */
export const STREAM_FILTER = {
  eventName: ["INSERT"],
  dynamodb: {
    Keys: {
      pk: { S: [{ "anything-but": [OWN] }] },
      sk: { S: [{ prefix: PENDING }] },
    },
  },
} as const;

/** The part of a stream record that says what happened to which item. */
type StreamRecord = {
  readonly eventSource?: unknown;
  readonly eventName?: unknown;
  readonly dynamodb?: {
    readonly Keys?: Readonly<Record<string, { readonly S?: unknown } | undefined>>;
  };
};

/**
 * The partitions of groups in which records were appended, as the event of a table's stream names them;
 * undefined for any other event. Filters again: a mapping that somebody made by hand may lack the filter.
 */
export function appendedPartitions(event: unknown): ReadonlySet<string> | undefined {
  const records = recordsOf(event);
  if (records === undefined) return undefined;
  const partitions = records.flatMap(({ eventName, dynamodb }) => {
    const { pk, sk } = dynamodb?.Keys ?? {};
    const [partition, sort] = [pk?.S, sk?.S];
    const isAppended =
      eventName === "INSERT" && typeof sort === "string" && sort.startsWith(PENDING);
    return isAppended && typeof partition === "string" && partition !== OWN ? [partition] : [];
  });
  return new Set(partitions);
}

function recordsOf(event: unknown): readonly StreamRecord[] | undefined {
  if (typeof event !== "object" || event === null || !("Records" in event)) return undefined;
  const { Records: records } = event;
  if (!Array.isArray(records) || records.length === 0) return undefined;
  const isStream = records.every((each) => each?.eventSource === "aws:dynamodb");
  return isStream ? records : undefined;
}
