import type { BatchGetItemCommandOutput, QueryCommandOutput } from "@aws-sdk/client-dynamodb";
import { withinTime } from "../../time-limit.ts";
import { dynamodbError, isAboutCredentials } from "./errors.ts";
import { type Expression, expressed, type Item, placeholders } from "./expressions.ts";
import type { ItemKey } from "./keys.ts";
import { type Opened, openClient, type TableOptions } from "./open-client.ts";

export type Written =
  | { readonly status: "written"; readonly item?: Item }
  /**
   * The condition did not hold. `found`: what was there instead, where the service says so (the
   * emulator does not); undefined when it does not, or when nothing was there.
   */
  | { readonly status: "refused"; readonly found?: Item };

/** One table. Every call says in its first argument what could not be done if it fails. */
export type Table = {
  readonly name: string;
  /** One PutItem, which needs no other right. */
  put(what: string, item: Item, condition: Expression): Promise<Written>;
  update(what: string, key: ItemKey, change: Expression, condition: Expression): Promise<Written>;
  remove(what: string, key: ItemKey): Promise<void>;
  /** The items that are there, in no order. `only`: attributes. */
  read(what: string, keys: readonly ItemKey[], only?: readonly string[]): Promise<readonly Item[]>;
  /** Items of a partition whose sort key begins so, in its order, a page at a time. */
  query(what: string, partition: string, prefix?: string): AsyncIterable<Item>;
};

/** Keys of one BatchGetItem. A limit of DynamoDB. */
const MAX_KEYS = 100;

/** Items of one page: as many as a round of folding takes. */
const PAGE = 100;

/** Answers in a row that bring none of the items they were asked for. */
const MAX_EMPTY_ANSWERS = 5;

/** Longest pause before the items that are missing are asked for again, doubled each time. Milliseconds. */
const PAUSE_MS = 25;

/** All reads are strongly consistent. Rejects as {@link dynamodbError} has it. */
export function openTable(options: TableOptions): Table {
  const { table: TableName, requestTimeoutMs } = options;
  let opened: Promise<Opened> | undefined;
  const limit = {
    milliseconds: requestTimeoutMs,
    reason: () => new DOMException(`no answer within ${requestTimeoutMs} ms`, "TimeoutError"),
  };

  /** Sends a request, loading the SDK for the first one. */
  async function send<T>(
    what: string,
    call: (opened: Opened, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    opened ??= openClient(options);
    const ours = opened;
    const { where } = await ours;
    try {
      // The SDK heeds the signal in requests, but not while it looks for credentials.
      return await withinTime(limit, async (abortSignal) => call(await ours, { abortSignal }));
    } catch (thrown) {
      if ((thrown as Error).name === "ConditionalCheckFailedException") throw thrown;
      if (isAboutCredentials(thrown) && opened === ours) opened = undefined;
      throw dynamodbError(what, where, thrown);
    }
  }

  async function write(what: string, call: Parameters<typeof send<Written>>[1]): Promise<Written> {
    try {
      return await send(what, call);
    } catch (error) {
      const { name, Item: found } = error as { readonly name: string; readonly Item?: Item };
      if (name !== "ConditionalCheckFailedException") throw error;
      return found === undefined ? { status: "refused" } : { status: "refused", found };
    }
  }

  async function readSome(what: string, keys: readonly ItemKey[], only?: readonly string[]) {
    const projection =
      only === undefined ? {} : expressed("ProjectionExpression", only.map((n) => `#${n}`).join());
    const items: Item[] = [];
    let wanted: readonly Item[] = keys.map(plainKey);
    for (let empty = 0; wanted.length > 0; ) {
      const request = { Keys: [...wanted], ConsistentRead: true, ...projection };
      const { Responses, UnprocessedKeys } = await send<BatchGetItemCommandOutput>(
        what,
        ({ sdk, client }, signal) => {
          const input = { RequestItems: { [TableName]: request } };
          return client.send(new sdk.BatchGetItemCommand(input), signal);
        },
      );
      items.push(...(Responses?.[TableName] ?? []));
      const missing = UnprocessedKeys?.[TableName]?.Keys ?? [];
      // Held back as too many or too large; what is left comes with the next answers.
      empty = missing.length < wanted.length ? 0 : empty + 1;
      if (empty === MAX_EMPTY_ANSWERS) {
        const error = new Error(`${missing.length} items were held back ${empty} times`);
        error.name = "ProvisionedThroughputExceededException";
        const { where } = await (opened ?? openClient(options));
        throw dynamodbError(what, where, error);
      }
      if (missing.length > 0) await pause(Math.random() * PAUSE_MS * 2 ** empty);
      wanted = missing;
    }
    return items;
  }

  return {
    name: TableName,
    put: (what, item, { expression, values }) =>
      write(what, async ({ sdk, client }, signal) => {
        const input = {
          TableName,
          Item: { ...item },
          ...expressed("ConditionExpression", expression, values),
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        } as const;
        await client.send(new sdk.PutItemCommand(input), signal);
        return { status: "written" };
      }),
    update: (what, key, change, condition) =>
      write(what, async ({ sdk, client }, signal) => {
        const input = {
          TableName,
          Key: plainKey(key),
          UpdateExpression: change.expression,
          ConditionExpression: condition.expression,
          ...placeholders(`${change.expression} ${condition.expression}`, {
            ...change.values,
            ...condition.values,
          }),
          ReturnValues: "ALL_NEW",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        } as const;
        const { Attributes: item = {} } = await client.send(
          new sdk.UpdateItemCommand(input),
          signal,
        );
        return { status: "written", item };
      }),
    async remove(what, key) {
      await send(what, ({ sdk, client }, signal) =>
        client.send(new sdk.DeleteItemCommand({ TableName, Key: plainKey(key) }), signal),
      );
    },
    async read(what, keys, only) {
      const chunks: ItemKey[][] = [];
      for (let from = 0; from < keys.length; from += MAX_KEYS) {
        chunks.push(keys.slice(from, from + MAX_KEYS));
      }
      return (await Promise.all(chunks.map((each) => readSome(what, each, only)))).flat();
    },
    async *query(what, partition, prefix) {
      const expression = `#pk = :pk${prefix === undefined ? "" : " AND begins_with(#sk, :sk)"}`;
      const values: Item = {
        ":pk": { S: partition },
        ...(prefix === undefined ? {} : { ":sk": { S: prefix } }),
      };
      let last: QueryCommandOutput["LastEvaluatedKey"];
      do {
        const input = {
          TableName,
          ...expressed("KeyConditionExpression", expression, values),
          ConsistentRead: true,
          Limit: PAGE,
          ...(last === undefined ? {} : { ExclusiveStartKey: last }),
        };
        const page = await send<QueryCommandOutput>(what, ({ sdk, client }, signal) =>
          client.send(new sdk.QueryCommand(input), signal),
        );
        yield* page.Items ?? [];
        last = page.LastEvaluatedKey;
      } while (last !== undefined);
    },
  };
}

function plainKey({ pk, sk }: ItemKey): { readonly pk: { S: string }; readonly sk: { S: string } } {
  return { pk: { S: pk }, sk: { S: sk } };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
