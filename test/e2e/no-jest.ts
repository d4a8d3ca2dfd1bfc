/**
 * What the test harness takes from jest, for when there is no test. Whoever starts servers runs what was
 * to be done after all of them.
 */
const hooks: (() => unknown)[] = [];

export function afterAll(hook: () => unknown): void {
  hooks.push(hook);
}

export function describe(): void {}

export function test(): void {}

/** In the order in which they were given, as jest does. */
export async function runAfterAll(): Promise<void> {
  for (const hook of hooks.splice(0)) await hook();
}
