/** Resources of a CloudFormation template, by logical id. */
export type Resources = Readonly<Record<string, object>>;

/** A policy document that allows what its statements say. */
export function policy(...statements: readonly object[]): object {
  return {
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
  };
}

/** Where `Fn::Sub` puts the value of a parameter or the like. */
export function placeholder(name: string): string {
  return `\${${name}}`;
}
