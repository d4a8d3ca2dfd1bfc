/**
 * Loads what every invocation needs while the function is initialised, when it has whole processors and
 * not the share of one that its memory buys. What is only looked up by `import()` would be loaded by the
 * first invocation, beside its job.
 */
export function loadAtInit(...others: readonly Promise<unknown>[]): void {
  const parts = [
    import("../ledger/dynamodb/client.ts"),
    import("../ledger/dynamodb-ledger.ts"),
    import("../publish/ledger-delivery.ts"),
    ...others,
  ];
  // Whoever needs a part that cannot be loaded hears of it.
  void Promise.allSettled(parts);
}
