import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Readonly<Record<string, AttributeValue>>;

/** `#name` stands for the attribute `name`, which may be a word that DynamoDB reserves. */
export type Expression = {
  readonly expression: string;
  readonly values?: Item;
};

/** An expression as the option of a request that it is. */
export function expressed<Name extends string>(name: Name, expression: string, values: Item = {}) {
  return { [name]: expression, ...placeholders(expression, values) } as {
    readonly [Each in Name]: string;
  } & ReturnType<typeof placeholders>;
}

/** Every name of an expression, and its values: DynamoDB refuses an empty set of them. */
export function placeholders(expression: string, values: Item) {
  const names = expression.match(/#\w+/g) ?? [];
  const hasValues = Object.keys(values).length > 0;
  return {
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [name, name.slice(1)])),
    ...(hasValues ? { ExpressionAttributeValues: { ...values } } : {}),
  };
}
