/** Where one scalar comes from: a key, a row, a parameter, an endpoint. Its text is not judged here. */
export type ValueSource = {
  /** For messages: what is read and where, e.g. `GET https://bot.example/state`. Without secrets. */
  readonly describe: string;
  /**
   * Reads once. Changes nothing at the source.
   *
   * @param signal aborts when nobody waits for the value any more: connections are closed.
   * @returns the value as text, or null: there is no such key, row or parameter.
   * @throws {SourceError} for whatever keeps the value unknown.
   */
  readonly read: (signal: AbortSignal) => Promise<string | null>;
  /** Gives up what is kept open between readings, at once. */
  readonly close?: () => void;
};
