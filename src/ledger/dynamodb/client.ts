/**
 * What is used of the AWS SDK, in a module of its own to be loaded when it is needed: `import()` of the
 * package itself, which is CommonJS, has no named exports once it is bundled.
 */
export {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
