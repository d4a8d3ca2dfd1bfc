import { InvalidOptionError } from "../errors.ts";
import { openCall } from "./anthropic-call.ts";
import { watchPromise } from "./anthropic-promise.ts";
import { hideProperty } from "./hidden-property.ts";
import type { SpendingOf } from "./spending.ts";

/**
 * Counts every request that an Anthropic SDK client makes to the Messages API, in the run that makes
 * it: `messages.create`, `stream` and `parse`, the same under `beta`, each turn of a tool runner, and
 * clients made from it with `withOptions`. Works in place and returns the same client; what the job
 * gets from it stays the same. A request is what the job asked for: its retries are one request.
 *
 * Inside `trackAiRequest`, and while that lasts, it counts nothing itself: that request takes over
 * what was spent.
 *
 * @throws {InvalidOptionError} for something that is no Anthropic client.
 */
export type InstrumentAnthropic = <Client extends AnthropicClient>(client: Client) => Client;

/** What is needed of a client: of Anthropic's, Bedrock's, Vertex's, of any version. */
export type AnthropicClient = { readonly messages: object };

type Create = (this: unknown, params: unknown, ...rest: unknown[]) => unknown;

/** Clients and resources: by what they are, for others may have wrapped their methods since. */
const instrumented = new WeakSet<object>();

export function createInstrumentAnthropic(spendingOf: SpendingOf): InstrumentAnthropic {
  function instrument<Client extends AnthropicClient>(client: Client): Client {
    const resources = [client?.messages, beta(client)?.messages];
    if (!isCreator(resources[0])) {
      throw new InvalidOptionError(
        "instrumentAnthropic takes a client of @anthropic-ai/sdk: there is no messages.create",
      );
    }
    for (const resource of resources) {
      if (isCreator(resource)) instrumentCreate(resource, spendingOf);
    }
    instrumentCopies(client, instrument);
    return client;
  }
  return instrument;
}

type Creator = { create: Create };

function isCreator(resource: unknown): resource is Creator {
  return (
    typeof resource === "object" &&
    resource !== null &&
    "create" in resource &&
    typeof resource.create === "function"
  );
}

function beta(client: unknown): { readonly messages?: unknown } | undefined {
  const value = (client as { readonly beta?: unknown } | null | undefined)?.beta;
  return typeof value === "object" && value !== null ? value : undefined;
}

/** `withOptions` makes a client of its own, and resources with it. */
function instrumentCopies(
  client: AnthropicClient,
  instrument: (copy: AnthropicClient) => AnthropicClient,
): void {
  const copying = client as { withOptions?: Create };
  const { withOptions } = copying;
  if (typeof withOptions !== "function" || instrumented.has(client)) return;
  instrumented.add(client);
  const counted: Create = (...args) =>
    instrument(withOptions.apply(client, args) as AnthropicClient);
  hideProperty(copying, "withOptions", counted);
}

/** Everything goes through `create`: `stream`, `parse` and tool runners too. */
function instrumentCreate(resource: Creator, spendingOf: SpendingOf): void {
  if (instrumented.has(resource)) return;
  instrumented.add(resource);
  const { create } = resource;
  const counted: Create = function (this: unknown, params, ...rest) {
    const call = openCall(modelOf(params), spendingOf);
    let promise: unknown;
    try {
      promise = create.call(this, params, ...rest);
    } catch (error) {
      call.fail(error);
      throw error;
    }
    return watchPromise(promise, call);
  };
  hideProperty(resource, "create", counted);
}

function modelOf(params: unknown): string {
  const isObject = typeof params === "object" && params !== null && "model" in params;
  return isObject && typeof params.model === "string" ? params.model : "unknown";
}
