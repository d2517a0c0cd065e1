/**
 * In the place of frames made of Polars series, of which a thousand simulations would make a million: the rows themselves.
 * What frames do to values is shown with the warehouse's adapters.
 */

/** Rows by column name, as a batch holds them. */
export interface PlainFrame {
  rows: readonly Record<string, unknown>[];
}

interface Table {
  columns: readonly { name: string }[];
}

export function frameOf(_table: Table, rows: readonly Record<string, unknown>[]): PlainFrame {
  return { rows: rows.map((row) => ({ ...row })) };
}

export function rowsOf({ rows }: PlainFrame): Record<string, unknown>[] {
  return rows.map((row) => ({ ...row }));
}
