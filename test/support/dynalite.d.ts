/** An emulator of DynamoDB, which has no types of its own: what is used of it. */
declare module "dynalite" {
  import type { Server } from "node:http";

  type Options = {
    /** How long a table is being created, in milliseconds. */
    readonly createTableMs?: number;
  };

  /** Tables are kept in memory. */
  function dynalite(options?: Options): Server;

  export = dynalite;
}
