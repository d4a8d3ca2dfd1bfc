/** What the test harness takes from jest, for when there is no test: whoever starts servers stops them. */
export function afterAll(): void {}

export function describe(): void {}

export function test(): void {}
