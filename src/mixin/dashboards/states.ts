import { MappingType, type ValueMapping } from "@grafana/grafana-foundation-sdk/dashboard";

export type State = { readonly text: string; readonly color: string };

/** Numbers that stand for something. */
export type States = Readonly<Record<number, State>>;

/** Text and colour of numbers that stand for something. */
export function mappings(states: States): ValueMapping[] {
  const options = Object.entries(states).map(([value, state], index) => [
    value,
    { ...state, index },
  ]);
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }];
}

/** Text and colour of words in a table's column. */
export function wordMappings(states: Readonly<Record<string, State>>): ValueMapping[] {
  return mappings(states as States);
}
