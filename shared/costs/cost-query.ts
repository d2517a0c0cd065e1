import { type ObjectOptions, type Static, type TSchema, Type } from "@sinclair/typebox";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { periodNames } from "./dates.ts";
import { categoryWords, chargeCategories } from "./filters.ts";
import { bases } from "./sums.ts";

/** Of every read of costs that can be asked as of the past. */
export const asOf = Type.Optional(
  plainText(10, 40, { alsoAs: ["asOf"], description: "What was published then, an instant or a day; now by default" }),
);

/** Parameters of every read of costs. Dates are checked by `dates.ts`, which knows their error codes. Source: costs.md 3. */
const costParameters = {
  start_date: Type.Optional(Type.String({ description: "First UTC day, YYYY-MM-DD; alone it ends today" })),
  end_date: Type.Optional(Type.String({ description: "Last UTC day, YYYY-MM-DD" })),
  period: Type.Optional(
    choice(periodNames, { description: "A named period ending today; mtd when no range is given" }),
  ),
  fiscal_year: Type.Optional(
    Type.Integer({ minimum: 2000, maximum: 2100, description: "Fiscal year, named by the year of its first day" }),
  ),
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: 1096, description: "The last N days ending today" })),
  providers: listOf(plainText(1, 256), { alsoAs: ["provider"], description: "By id or display name" }),
  categories: listOf(choice(categoryWords), { alsoAs: ["category"] }),
  services: listOf(plainText(1, 256)),
  charge_categories: listOf(choice(chargeCategories)),
  currency: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z]{3}$",
      description: "Of the answer, ISO 4217; the organization's own by default",
    }),
  ),
  hierarchy_entity_id: listOf(plainText(1, 256), { description: "Entities with all below them; UNALLOCATED too" }),
  hierarchy_path: listOf(plainText(1, 1000), { description: "Real paths of entities, e.g. /DEPT-1/PROJ-2" }),
  department_id: listOf(plainText(1, 256), { description: "Entities of the first level" }),
  project_id: listOf(plainText(1, 256), { description: "Entities of the second level" }),
  team_id: listOf(plainText(1, 256), { description: "Entities of the third level" }),
  as_of: asOf,
  structure_as_of: Type.Optional(
    plainText(10, 40, { description: "The structure of then, an instant or a day; now by default" }),
  ),
  basis: Type.Optional(choice(bases, { description: "The cost that total_cost means; effective by default" })),
};

export const CostSummaryQuery = strictObject({
  ...costParameters,
  top: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: "Number of top services; 10 by default" })),
});

export type CostSummaryQuery = Static<typeof CostSummaryQuery>;

/** What every read of published rows over a range of days may be refused with. */
export const rangeReadErrors = [
  "INVALID_DATE",
  "INVALID_DATE_RANGE",
  "RANGE_TOO_LONG",
  "READ_BUSY",
  "WAREHOUSE_UNAVAILABLE",
] as const;

/** Of those that can be asked as of the past. */
export const pastReadErrors = [...rangeReadErrors, "AS_OF_NOT_RETAINED"] as const;

/** Of `cost-summary` alone: the one read that can answer without any conversion. */
export const SummaryQuery = strictObject({
  ...CostSummaryQuery.properties,
  convert: Type.Optional(
    choice(["none"], { description: "No conversion: every group by currency, and no grand total" }),
  ),
});

export type SummaryQuery = Static<typeof SummaryQuery>;

/** Comma separated or repeated; the values are any of these (OR). */
function listOf<T extends TSchema>(item: T, options: ObjectOptions = {}) {
  return Type.Optional(Type.Array(item, { maxItems: 50, ...options }));
}
