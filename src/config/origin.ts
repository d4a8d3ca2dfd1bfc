/** Where a setting's value came from. A secret may be in a place that a file only names. */
export type Origin =
  | { readonly type: "flag"; readonly name: string }
  | { readonly type: "environment"; readonly name: string; readonly namedIn?: string }
  | { readonly type: "file"; readonly path: string; readonly namedIn?: string }
  | { readonly type: "ssm"; readonly name: string; readonly namedIn?: string }
  | { readonly type: "default" };

/** A value, and what won. */
export type Setting<T> = { readonly value: T; readonly origin: Origin };

/** An origin for people: `--gateway`, `PUSHGATEWAY_URL`, `/srv/bell/closing-bell.json`, `default`. */
export function originText(origin: Origin): string {
  switch (origin.type) {
    case "flag":
      return origin.name;
    case "environment":
      return origin.name + namedIn(origin);
    case "file":
      return origin.path + namedIn(origin);
    case "ssm":
      return `SSM ${origin.name}${namedIn(origin)}`;
    case "default":
      return "default";
    default:
      return origin satisfies never;
  }
}

function namedIn({ namedIn: path }: { readonly namedIn?: string }): string {
  return path === undefined ? "" : `, named in ${path}`;
}
