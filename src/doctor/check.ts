import { messageOf } from "../errors.ts";

/** What one check came to. */
export type CheckResult = {
  /** Stable: scripts rely on it. */
  readonly name: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** One line for a person: what was tried, on what, what came back, what to do. */
  readonly message: string;
};

/** The same, and what other checks go on with. Without a value those that need it are skipped. */
export type Finding<T = undefined> = Omit<CheckResult, "name"> & {
  readonly value?: T;
  /** Why those that need the value are skipped, where that is no failure of this check. */
  readonly without?: string;
};

/** A check that is under way. */
export type Check<T> = { readonly name: string; readonly outcome: Promise<Finding<T>> };

type Needs = Readonly<Record<string, Check<unknown>>>;

type Values<N extends Needs> = {
  readonly [Name in keyof N]: N[Name] extends Check<infer T> ? T : never;
};

export type Checks = {
  /** Starts a check as soon as those that it needs have given their values. */
  readonly check: <T = undefined, N extends Needs = Record<never, never>>(
    name: string,
    needs: N,
    examine: (values: Values<N>) => Finding<T> | Promise<Finding<T>>,
  ) => Check<T>;
  /** All of them, in the order in which they were named. Never rejects. */
  readonly results: () => Promise<readonly CheckResult[]>;
};

/** Time that a check has to say by itself what it waited for, once the deadline is over. Milliseconds. */
const LAST_WORDS_MS = 100;

/** Checks that need each other. Those that are not done soon after the signal aborts have failed. */
export function createChecks(deadline: AbortSignal): Checks {
  const started: Check<unknown>[] = [];
  const isLate = new Promise<Finding<never>>((resolve) => {
    deadline.addEventListener("abort", () => {
      const late = { status: "failed", message: messageOf(deadline.reason) } as const;
      setTimeout(resolve, LAST_WORDS_MS, late);
    });
  });

  return {
    check(name, needs, examine) {
      const outcome = Promise.race([settle(needs, examine), isLate]);
      const check = { name, outcome };
      started.push(check);
      return check;
    },
    results: () =>
      Promise.all(
        started.map(async ({ name, outcome }) => {
          const { status, message } = await outcome;
          return { name, status, message: oneLine(message) };
        }),
      ),
  };
}

async function settle<T, N extends Needs>(
  needs: N,
  examine: (values: Values<N>) => Finding<T> | Promise<Finding<T>>,
): Promise<Finding<T>> {
  const values: Record<string, unknown> = {};
  for (const [key, { name, outcome }] of Object.entries(needs)) {
    const { value, without = `needs ${name}` } = await outcome;
    if (value === undefined) return { status: "skipped", message: without, without };
    values[key] = value;
  }
  try {
    return await examine(values as Values<N>);
  } catch (error) {
    return { status: "failed", message: messageOf(error) };
  }
}

/** Of servers, files and certificates come any characters, and a terminal obeys some. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to take out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
