/**
 * What is used of @redis/client, in a module of its own to be loaded when it is needed: `import()` of
 * the package itself, which is CommonJS, has no named exports once it is bundled.
 */
export {
  ConnectionTimeoutError,
  createClient,
  ErrorReply,
  SocketClosedUnexpectedlyError,
} from "@redis/client";
