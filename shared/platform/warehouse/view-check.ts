import type { Column } from "./table.ts";
import { baseTable, type CurrentView, isReadByDay, type View, viewColumns } from "./view.ts";
import type { DayRange } from "./warehouse.ts";
import { refused } from "./warehouse-errors.ts";
import { checkedDay } from "./warehouse-names.ts";

/** The asked columns of a view, each once. Errors: `BATCH_REFUSED`. */
export function askedColumns(view: View, names: readonly string[]): Column[] {
  if (names.length === 0 || new Set(names).size !== names.length) throw refused("ask for each column once");
  const known = new Map(viewColumns(view).map((column) => [column.name, column]));
  return names.map((name) => {
    const column = known.get(name);
    if (column === undefined) throw refused(`view ${view.name} has no column ${name}`);
    return column;
  });
}

/** Days can be asked for where the view shows the field by which its table is partitioned. */
export function checkDays(view: View, days: DayRange | undefined): void {
  const table = baseTable(view);
  if (days === undefined) {
    if (isReadByDay(table)) throw refused(`view ${view.name} is read by day`);
    return;
  }
  checkedDay(days.first);
  checkedDay(days.last);
  const field = table.partition?.field;
  const isShown =
    view.kind === "current" ||
    view.columns.some(({ name, from, aggregate }) => name === field && from[0] === field && aggregate === undefined);
  if (field === undefined || !isShown) throw refused(`view ${view.name} cannot be read by day`);
}

export function withColumns(view: CurrentView, columns: readonly Column[]): CurrentView {
  return { ...view, table: { ...view.table, columns } };
}
