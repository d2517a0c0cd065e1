import catalogue from "../anthropic-models.json" with { type: "json" };
import { dayOf } from "../days.ts";
import { formatDecimal } from "../decimal.ts";
import { type Group, groupRows } from "../group.ts";
import type { JsonObject } from "../json.ts";
import type { Answer, AuthorizedCall } from "../provider.ts";
import { bucketPage } from "./bucket-page.ts";
import { dayRows } from "./day-rows.ts";
import { type ReportRules, readReportQuery } from "./query.ts";
import type { CostDimension, CostRow } from "./rows.ts";

const rules: ReportRules<CostDimension> = {
  report: "cost_report",
  groupBy: ["workspace_id", "description"],
  filters: {},
  limits: { "1d": { usual: 7, most: 31 } },
};

/** What is shown when grouped by description, and null otherwise. */
const described = [
  "description",
  "cost_type",
  "context_window",
  "model",
  "service_tier",
  "token_type",
  "inference_geo",
] as const satisfies readonly CostDimension[];

/** `GET /v1/organizations/cost_report`: money per UTC day, in cents, summed over every dimension that is not grouped by. */
export function costReport({ simulation, account, query }: AuthorizedCall): Answer {
  const asked = readReportQuery(query, rules, simulation.now());
  const groupBy = asked.groupBy.flatMap((name) => (name === "description" ? described : [name]));
  const results = (start: number) =>
    groupRows(dayRows(simulation, account, dayOf(start)).costs, groupBy, []).map(result);
  return bucketPage(asked, results, {
    main: "data.*.results.*.amount",
    money: "data.*.results.*.amount",
    currency: "data.*.results.*.currency",
    enumeration: "data.*.results.*.token_type",
  });
}

function result({ dimensions, rows }: Group<CostDimension, CostRow>): JsonObject {
  const amount = rows.reduce((sum, row) => sum + row.amount, 0n);
  const shown = described.map((name) => [name, dimensions[name] ?? null] as const);
  return {
    currency: catalogue.currency,
    amount: formatDecimal(amount * 100n),
    workspace_id: dimensions.workspace_id ?? null,
    ...Object.fromEntries(shown),
  };
}
