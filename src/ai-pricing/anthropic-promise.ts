import type { Call, HandedOn } from "./anthropic-call.ts";
import { hideProperty } from "./hidden-property.ts";

/**
 * The parts of the SDK's promise that are the same in every version so far (0.20 to 1.12). It sends
 * the request at once and reads the answer when it is awaited, which only happens to what these
 * hold: so watching changes neither when a body is read nor who handles a rejection.
 */
type SdkPromise = {
  responsePromise: Promise<unknown>;
  parseResponse: (...args: unknown[]) => unknown;
  asResponse?: () => Promise<unknown>;
  /** Of late: the SDK's threads, and so its tool runners, make their streams of it. */
  _responseProps?: () => Promise<HandedOn>;
};

/** Tells the call how the promise of it settles, whenever that is, and gives back the promise. */
export function watchPromise(promise: unknown, call: Call): unknown {
  if (!isThenable(promise)) {
    call.arrived(promise);
    return promise;
  }
  if (isSdkPromise(promise)) {
    watchSdkPromise(promise, call);
    return promise;
  }
  // Another client with the same methods, such as a fake in somebody's tests.
  if (promise.constructor === Promise || !Object.isExtensible(promise)) {
    return thenTelling(promise, call)();
  }
  // Or a wrapper's promise, which may do more than a promise does, and start when it is awaited.
  hideProperty(promise, "then", thenTelling(promise, call));
  return promise;
}

function isSdkPromise(promise: object): promise is SdkPromise {
  return (
    "responsePromise" in promise &&
    promise.responsePromise instanceof Promise &&
    "parseResponse" in promise &&
    typeof promise.parseResponse === "function"
  );
}

type Thenable = { readonly then: (...handlers: unknown[]) => unknown };

function isThenable(value: unknown): value is Thenable {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** `then` of a promise, which tells the call how it settled before anybody else hears of it. */
function thenTelling(promise: Thenable, call: Call): Thenable["then"] {
  const { then } = promise;
  return (fulfilled, rejected) =>
    then.call(
      promise,
      (answer: unknown) => {
        call.arrived(answer);
        return typeof fulfilled === "function" ? fulfilled(answer) : answer;
      },
      (error: unknown) => {
        call.fail(error);
        if (typeof rejected === "function") return rejected(error);
        throw error;
      },
    );
}

function watchSdkPromise(promise: SdkPromise, call: Call): void {
  const { responsePromise, parseResponse, asResponse, _responseProps } = promise;
  promise.responsePromise = responsePromise.then(
    (props) => {
      call.answered();
      return props;
    },
    (error: unknown) => {
      call.fail(error);
      throw error;
    },
  );
  let isParsing = false;
  promise.parseResponse = async (...args) => {
    isParsing = true;
    try {
      const answer = await parseResponse.apply(promise, args);
      call.arrived(answer);
      return answer;
    } catch (error) {
      call.fail(error);
      throw error;
    }
  };
  if (typeof asResponse === "function") {
    promise.asResponse = async () => {
      const response = await asResponse.call(promise);
      if (!isParsing) call.unread();
      return response;
    };
  }
  if (typeof _responseProps === "function") {
    promise._responseProps = async () => {
      const props = await _responseProps.call(promise);
      call.handedOn(props);
      return props;
    };
  }
}
