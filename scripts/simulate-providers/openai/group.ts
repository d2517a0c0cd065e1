import type { Dimension, Dimensions, DimensionValue } from "./rows.ts";

export interface Group<Row> {
  /** The grouped dimensions only. */
  readonly dimensions: Dimensions;
  readonly rows: readonly Row[];
}

/** Rows that pass every filter, gathered by the given dimensions, in an order that depends on the values alone. */
export function groupRows<Row extends { readonly dimensions: Dimensions }>(
  rows: readonly Row[],
  groupBy: readonly Dimension[],
  filters: readonly { dimension: Dimension; values: ReadonlySet<string> }[],
): Group<Row>[] {
  const groups = new Map<string, { dimensions: Dimensions; rows: Row[] }>();
  for (const row of rows) {
    if (!filters.every(({ dimension, values }) => passes(row.dimensions[dimension], values))) continue;
    const dimensions = Object.fromEntries(groupBy.map((name) => [name, row.dimensions[name] ?? null]));
    const key = JSON.stringify(dimensions);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { dimensions, rows: [row] });
    else group.rows.push(row);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function passes(value: DimensionValue | undefined, values: ReadonlySet<string>): boolean {
  return value !== null && value !== undefined && values.has(String(value));
}
