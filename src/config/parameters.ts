/**
 * Parameters of SSM that were fetched before the configuration is read: its values by name. A name that
 * SSM does not have is not in it.
 */
export type FetchedParameters = ReadonlyMap<string, string> & {
  /** Where they were looked for, for messages. */
  readonly region?: string;
  /** Why there are none of those that were asked for. */
  readonly problems?: readonly string[];
  /** SSM could not be asked, and these are from before. Said once an outage. */
  readonly stale?: StaleParameters;
};

export type StaleParameters = {
  /** Age of the oldest value, in seconds. */
  readonly ageSeconds: number;
  /** What SSM said instead of answering. */
  readonly error: Error;
};

/** Where a configuration names parameters and nobody fetched them. */
export const NOT_FETCHED = "parameters of SSM were not fetched";

/** The value; undefined after noting a problem. `place` says who names it, for the message. */
export function readParameter(
  name: string,
  place: string,
  parameters: FetchedParameters | undefined,
  problems: string[],
): string | undefined {
  const value = parameters?.get(name);
  if (value) return value;
  if (value === "") problems.push(`${place}: the SSM parameter ${name} is empty`);
  else if (parameters === undefined)
    problems.push(`${place}: SSM parameter ${name}: ${NOT_FETCHED}`);
  else if (parameters.problems !== undefined) noteOnce(parameters.problems, problems);
  else {
    const { region } = parameters;
    const where = region === undefined ? "" : ` in ${region}`;
    problems.push(
      `${place}: SSM has no parameter ${name}${where}; create it as a SecureString, or check the name, region and account`,
    );
  }
  return undefined;
}

/** A fetch fails once, however many settings wanted it. */
export function noteOnce(found: readonly string[], problems: string[]): void {
  for (const problem of found) if (!problems.includes(problem)) problems.push(problem);
}
