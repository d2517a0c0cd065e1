import { parseAmount } from "#shared/money/amount.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Row } from "#shared/providers/provider.ts";
import { AppError } from "#shared/runtime/errors.ts";

/** An amount of this size or more cannot be real (`costs.md` 2). */
const amountBound = parseAmount("1e15");

/** What must hold for every day of every table before anything of it may be published; the whole run fails otherwise. */
export function refuseUnpublishable(table: TableDefinition, day: string, rows: readonly Row[]): void {
  const seen = new Set<unknown>();
  for (const row of rows) {
    const id = table.key.map((column) => row[column]).join("|");
    if (seen.has(id)) throw new AppError("DUPLICATE_ROW", `${table.name} has two rows with one id on ${day}.`);
    seen.add(id);
  }
  if (table.columns.some((column) => column.name === "BilledCost")) rows.forEach(refuseImpossibleMoney);
}

function refuseImpossibleMoney(row: Row): void {
  const currency = row["BillingCurrency"];
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) {
    throw new AppError("CURRENCY_UNKNOWN", "A row has no ISO 4217 currency.");
  }
  for (const column of ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]) {
    const amount = parseAmount(String(row[column]));
    if (amount.abs().gte(amountBound))
      throw new AppError("AMOUNT_OUT_OF_RANGE", `${column} of ${amount.toString()} cannot be real.`);
  }
}
