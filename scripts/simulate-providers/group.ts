export type DimensionValue = string | boolean | null;
export type DimensionsOf<Name extends string> = Partial<Record<Name, DimensionValue>>;

export interface Filter<Name extends string> {
  readonly dimension: Name;
  readonly values: ReadonlySet<string>;
}

export interface Group<Name extends string, Row> {
  /** The grouped dimensions only. */
  readonly dimensions: DimensionsOf<Name>;
  readonly rows: readonly Row[];
}

/** Rows that pass every filter, gathered by the given dimensions, in an order that depends on the values alone. */
export function groupRows<Name extends string, Row extends { readonly dimensions: DimensionsOf<Name> }>(
  rows: readonly Row[],
  groupBy: readonly Name[],
  filters: readonly Filter<Name>[],
): Group<Name, Row>[] {
  const groups = new Map<string, { dimensions: DimensionsOf<Name>; rows: Row[] }>();
  for (const row of rows) {
    if (!filters.every(({ dimension, values }) => passes(row.dimensions[dimension], values))) continue;
    const dimensions: DimensionsOf<Name> = {};
    for (const name of groupBy) dimensions[name] = row.dimensions[name] ?? null;
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
