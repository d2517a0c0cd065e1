import pl, { type Expr } from "nodejs-polars";
import type { FocusColumn, FocusModel } from "./columns.ts";
import type { Delivered } from "./header.ts";
import { overflowName, textName } from "./text-names.ts";

/** One reason to refuse a row; `text` is the column whose value is shown. */
export interface RowCheck {
  column: string | null;
  rule: string;
  text: string | null;
  /** True where the row is wrong. */
  mask: Expr;
}

const costs = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
/** Amounts from here on cannot be real. Source: `costs.md` 2. */
const impossible = "1000000000000000";

const unreadable: Partial<Record<FocusColumn["type"], string>> = {
  BIGNUMERIC: "decimal",
  TIMESTAMP: "instant",
};

/** What makes a whole file unusable, over typed frames. Source: `provider-adapters.md` 3.9, the table of severities. */
export function rowChecks(delivered: Delivered, model: FocusModel, hasOverflow: boolean): RowCheck[] {
  const textOf = (column: string): string => textName(delivered.places.get(column) ?? -1);
  const check = (rule: string, column: string, mask: Expr): RowCheck => ({ column, rule, text: textOf(column), mask });
  const has = (column: string): boolean => delivered.places.has(column);
  const ofTypes = [...delivered.places.keys()].flatMap((column) => {
    const type = model.columns.get(column)?.type ?? "STRING";
    const rule = column === "Tags" ? "json_object" : unreadable[type];
    if (rule === undefined) return [];
    return [check(rule, column, pl.col(textOf(column)).isNotNull().and(pl.col(column).isNull()))];
  });
  const values = ["ChargeCategory", "ChargeClass"].filter(has).map((column) => {
    const known = model.columns.get(column)?.values ?? [];
    return check(
      "value",
      column,
      pl
        .col(column)
        .isNotNull()
        .and(
          pl
            .col(column)
            .isIn([...known])
            .not(),
        ),
    );
  });
  const overflow = hasOverflow
    ? [{ column: null, rule: "record_length", text: overflowName, mask: pl.col(overflowName).isNotNull() }]
    : [];
  return [
    ...overflow,
    ...model.mandatory.map((column) => check("required", column, pl.col(textOf(column)).isNull())),
    ...ofTypes,
    ...values,
    check(
      "currency",
      "BillingCurrency",
      pl
        .col("BillingCurrency")
        .isIn([...model.currencies])
        .not(),
    ),
    check("period", "BillingPeriodEnd", pl.col("BillingPeriodEnd").ltEq(pl.col("BillingPeriodStart"))),
    check("period", "ChargePeriodEnd", pl.col("ChargePeriodEnd").ltEq(pl.col("ChargePeriodStart"))),
    ...costs.filter(has).map((column) => check("amount_range", column, isImpossible(column))),
  ];
}

function isImpossible(column: string): Expr {
  return pl
    .col(column)
    .abs()
    .gtEq(pl.lit(impossible).cast(pl.Decimal(38, 12)));
}
