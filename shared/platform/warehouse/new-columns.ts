import type { Column } from "./table.ts";
import type { TableDescription } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";

/**
 * Those of the columns that the stored table lacks. Errors: `BATCH_REFUSED` for one that would be REQUIRED, or that the
 * table has with another type or mode.
 */
export function newColumns(stored: TableDescription, columns: readonly Column[]): Column[] {
  // Names are one in BigQuery whatever their case.
  const byName = new Map(stored.columns.map((column) => [column.name.toLowerCase(), column]));
  return columns.filter((column) => {
    const known = byName.get(column.name.toLowerCase());
    if (known?.name === column.name && known.type === column.type && known.mode === column.mode) return false;
    if (known) throw refused(`column ${column.name} is ${known.name} ${known.type} ${known.mode} in the stored table`);
    if (column.mode === "REQUIRED") throw refused(`a new column cannot be REQUIRED: ${column.name}`);
    return true;
  });
}
