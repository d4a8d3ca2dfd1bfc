import { STREAM_FILTER } from "../../../src/lambda/stream-filter.ts";
import { DONE, PENDING } from "../../../src/ledger/dynamodb/keys.ts";
import type { Scene } from "./scene.ts";

/** What happened to one item, as a table's stream tells it with keys alone. */
export type StreamRecord = {
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly eventVersion: "1.1";
  readonly eventSource: string;
  readonly awsRegion: string;
  readonly dynamodb: {
    readonly Keys: { readonly pk: { readonly S: string }; readonly sk: { readonly S: string } };
    readonly SequenceNumber: string;
    readonly StreamViewType: "KEYS_ONLY";
  };
  readonly eventSourceARN: string;
};

export type Stream = {
  /** What happened in the table since the last call. */
  readonly read: () => Promise<readonly StreamRecord[]>;
};

type Place = { readonly pk: string; readonly sk: string; readonly content: string };

/**
 * The table's stream, of which the emulator has none: told from what is in the table. A record that was
 * appended and folded between two calls is known by its done mark.
 */
export async function openStream({
  table,
  items,
}: Pick<Scene, "table" | "items">): Promise<Stream> {
  const appended = new Set<string>();
  let known = new Map<string, Place>();
  let sequence = 0;
  const tell = (eventName: StreamRecord["eventName"], { pk, sk }: Place): StreamRecord => ({
    eventID: `${++sequence}`.padStart(32, "0"),
    eventName,
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "eu-central-1",
    dynamodb: {
      Keys: { pk: { S: pk }, sk: { S: sk } },
      SequenceNumber: `${sequence}`.padStart(21, "0"),
      StreamViewType: "KEYS_ONLY",
    },
    eventSourceARN: `arn:aws:dynamodb:eu-central-1:123456789012:table/${table}/stream/2026`,
  });

  async function read() {
    const before = known;
    known = new Map(
      (await items()).map((item) => {
        const [pk = "", sk = ""] = [item["pk"]?.["S"], item["sk"]?.["S"]];
        return [`${pk} ${sk}`, { pk, sk, content: JSON.stringify(item) }];
      }),
    );
    const records: StreamRecord[] = [];
    for (const [key, place] of known) {
      const { pk, sk } = place;
      const id = [PENDING, DONE].find((prefix) => sk.startsWith(prefix))?.length;
      const pending = { ...place, sk: `${PENDING}${sk.slice(id)}` };
      if (id !== undefined && !appended.has(`${pk} ${pending.sk}`)) {
        appended.add(`${pk} ${pending.sk}`);
        records.push(tell("INSERT", pending));
        if (pending.sk === sk) continue;
      }
      const old = before.get(key);
      if (old === undefined) records.push(tell("INSERT", place));
      else if (old.content !== place.content) records.push(tell("MODIFY", place));
    }
    for (const [key, place] of before) if (!known.has(key)) records.push(tell("REMOVE", place));
    return records;
  }

  await read();
  return { read };
}

/** What the event source mapping lets through, by the filter that is deployed with it. */
export function filtered(records: readonly StreamRecord[]): readonly StreamRecord[] {
  return records.filter((record) => matches(STREAM_FILTER, record));
}

/** Every name of the pattern is there and has a value of which one of its rules holds. */
function matches(pattern: object, value: unknown): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
    return Array.isArray(wanted)
      ? wanted.some((rule) => holds(rule, found))
      : matches(wanted, found);
  });
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html, as far as it is used. */
function holds(rule: unknown, value: unknown): boolean {
  if (typeof rule === "string") return rule === value;
  const {
    prefix,
    "anything-but": others,
    ...unknown
  } = rule as { readonly prefix?: string; readonly "anything-but"?: readonly string[] };
  if (Object.keys(unknown).length > 0) throw new Error(`no such rule: ${JSON.stringify(rule)}`);
  if (typeof value !== "string") return false;
  return (prefix === undefined || value.startsWith(prefix)) && others?.includes(value) !== true;
}
