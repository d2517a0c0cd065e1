import { isLineageColumn } from "#shared/lineage/lineage.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Expectation } from "./expectation.ts";

interface BuiltIn {
  id: string;
  table: string;
  severity: "error";
  per: "day";
}

/** What is judged: an expectation of the pipeline's file, or a rule that no file can remove. */
export type Check =
  | Expectation
  | (BuiltIn & { kind: "as_written" })
  | (BuiltIn & { kind: "amounts_in_range"; columns: string[] });

/** The amounts of a charge. */
const costs = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];

/** What always holds of a table: what came back is what was written, nothing required is missing, no row stands twice; and of money that it can be real. */
export function builtIns(table: TableDefinition): Check[] {
  const common = { table: table.name, severity: "error" as const, per: "day" as const };
  const required = table.columns.filter(({ name, mode }) => mode === "REQUIRED" && !isLineageColumn(name));
  const always: Check[] = [
    { ...common, id: "as_written", kind: "as_written" },
    { ...common, id: "mandatory", kind: "not_null", columns: required.map(({ name }) => name) },
    { ...common, id: "natural_key", kind: "unique_key", columns: [...table.key] },
  ];
  if (!hasMoney(table)) return always;
  return [
    ...always,
    { ...common, id: "currency", kind: "currency_known", column: "BillingCurrency" },
    { ...common, id: "future", kind: "no_future_dates", column: "ChargePeriodStart", grace_hours: 24 },
    { ...common, id: "amounts", kind: "amounts_in_range", columns: costs },
  ];
}

/** Columns that a check reads, by table. */
export function columnsOf(check: Check, definition: (table: string) => TableDefinition): [string, string[]][] {
  const table = definition(check.table);
  const own = (columns: readonly string[]): [string, string[]] => [table.name, [...columns, ...countedColumns(table)]];
  switch (check.kind) {
    case "as_written":
      return [own(hasMoney(table) ? ["BilledCost"] : [])];
    case "row_count_between":
      return [own([])];
    case "unit_sanity":
      return [own([check.reported, check.computed])];
    case "total_change_within":
      return [own([check.column])];
    case "sum_close_to": {
      const [first = "", second] = check.reference.split(".");
      if (second === undefined) return [own([check.column, first, ...check.group_by])];
      const other = definition(first);
      return [
        own([check.column, ...check.group_by]),
        [other.name, [second, ...check.group_by, ...countedColumns(other)]],
      ];
    }
    default:
      return [own([...("columns" in check ? check.columns : [check.column]), ...table.key])];
  }
}

/** Which rows count, and in which currency, where a table has money. */
function countedColumns(table: TableDefinition): string[] {
  return hasMoney(table) ? ["x_counted", "BillingCurrency"] : [];
}

function hasMoney(table: TableDefinition): boolean {
  return table.columns.some(({ name }) => name === "BilledCost");
}
