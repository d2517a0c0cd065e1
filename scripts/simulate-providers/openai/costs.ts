import { dayOf } from "../days.ts";
import { formatDecimal } from "../decimal.ts";
import { type Group, groupRows } from "../group.ts";
import { type JsonObject, NumberLiteral } from "../json.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { Answer, AuthorizedCall } from "../provider.ts";
import { bucketPage } from "./bucket-page.ts";
import { dayRows } from "./day-rows.ts";
import { type BucketQueryRules, readBucketQuery } from "./query.ts";
import type { CostRow, Dimension } from "./rows.ts";

const rules: BucketQueryRules = {
  groupBy: ["project_id", "line_item", "api_key_id"],
  filters: { project_ids: "project_id", api_key_ids: "api_key_id" },
  limits: { "1d": { usual: 7, most: 180 } },
};

/** `GET /v1/organization/costs`: money per UTC day, summed over every dimension that is not grouped by. */
export function costs({ simulation, account, query }: AuthorizedCall): Answer {
  const asked = readBucketQuery(query, rules, simulation.now());
  const results = (start: number) =>
    groupRows(dayRows(simulation, account, dayOf(start)).costs, asked.groupBy, asked.filters).map(result);
  return bucketPage(asked, results, {
    main: "data.*.results.*.amount.value",
    money: "data.*.results.*.amount.value",
    currency: "data.*.results.*.amount.currency",
    enumeration: "data.*.results.*.quantity_unit",
  });
}

function result({ dimensions, rows }: Group<Dimension, CostRow>): JsonObject {
  const amount = rows.reduce((sum, row) => sum + row.amount, 0n);
  return {
    object: "organization.costs.result",
    amount: { value: new NumberLiteral(formatDecimal(amount)), currency: catalogue.currency },
    line_item: dimensions.line_item ?? null,
    project_id: dimensions.project_id ?? null,
    api_key_id: dimensions.api_key_id ?? null,
    ...(dimensions.line_item === undefined ? { quantity: null, quantity_unit: null } : quantityOf(rows)),
  };
}

/** Quantities exist only within one line item, and only where every charge has one in the same unit. */
function quantityOf(rows: readonly CostRow[]): JsonObject {
  const unit = rows[0]?.quantityUnit ?? null;
  if (rows.some((row) => row.quantity === null || row.quantityUnit !== unit)) {
    return { quantity: null, quantity_unit: null };
  }
  const quantity = rows.reduce((sum, row) => sum + (row.quantity ?? 0n), 0n);
  return { quantity: new NumberLiteral(formatDecimal(quantity)), quantity_unit: unit };
}
