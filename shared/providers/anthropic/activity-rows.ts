import { amountText, centsToMajor, type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { billedCurrency } from "../billed-sums.ts";
import type { Findings } from "../findings.ts";
import { type ActivityRow, activityRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { type ActivityRecord, activityTool, type Estimate } from "./activity-schema.ts";

/** The records of one UTC day. */
export interface ActivityDay {
  day: string;
  records: readonly ActivityRecord[];
}

export interface ActivityFacts {
  provider: ProviderEntry;
  accountId: string;
  /** How a person appears, by e-mail address; a person without an entry appears as nobody. */
  userRefs: ReadonlyMap<string, string | null>;
}

interface Sum {
  row: ActivityRow;
  value: Decimal;
}

/**
 * Rows of `genai_activity_daily_raw`: one per person or key, tool, customer type, metric and model, sorted by id; records
 * of several terminals are summed. The estimated cost is a metric of its own and an equivalent amount in major units: for
 * API customers the same money stands in the cost report, so nothing here may enter a total. Throws
 * `PROVIDER_BAD_RESPONSE` for one estimate in two currencies. Source: `provider-adapters.md` 3.2.
 */
export function activityRows(days: readonly ActivityDay[], facts: ActivityFacts, found: Findings): ActivityRow[] {
  const sums = new Map<string, Sum>();
  for (const { day, records } of days) {
    for (const sum of records.flatMap((record) => sumsOf(record, day, facts, found))) {
      const id = sum.row.x_source_record_id;
      const known = sums.get(id);
      sums.set(id, known ? added(known, sum) : sum);
    }
  }
  return [...sums.values()].map(finished).sort((a, b) => (a.x_source_record_id < b.x_source_record_id ? -1 : 1));
}

function sumsOf(record: ActivityRecord, day: string, facts: ActivityFacts, found: Findings): Sum[] {
  const user_ref = record.email === null ? record.keyName : (facts.userRefs.get(record.email) ?? null);
  const rowOf = (measured: Pick<ActivityRow, "tool" | "metric" | "model">, currency: string | null): ActivityRow => {
    const key = {
      usage_date: day,
      provider: facts.provider.slug,
      account_id: facts.accountId,
      user_ref,
      customer_type: record.customerType,
      ...measured,
    };
    return { ...key, value: "", equivalent_amount: null, currency, x_source_record_id: activityRowId(key) };
  };
  const measures = record.measures.map(({ tool, metric, model, value }) => ({
    row: rowOf({ tool, metric, model }, null),
    value: parseAmount(String(value)),
  }));
  const estimates = record.estimates.map((estimate) => ({
    row: rowOf(
      { tool: activityTool, metric: "estimated_cost", model: estimate.model },
      currencyOf(estimate, facts.provider, found),
    ),
    value: centsToMajor(parseAmount(estimate.cents)),
  }));
  return [...measures, ...estimates];
}

function currencyOf({ currency, path }: Estimate, provider: ProviderEntry, found: Findings): string {
  return billedCurrency(
    { text: currency, path: `${path}.currency`, field: "estimated_cost.currency" },
    provider,
    found,
  );
}

function added(known: Sum, next: Sum): Sum {
  if (known.row.currency !== next.row.currency) {
    throw new AppError("PROVIDER_BAD_RESPONSE", "The provider estimates one cost in two currencies.", {
      retryable: true,
    });
  }
  return { row: known.row, value: known.value.plus(next.value) };
}

function finished({ row, value }: Sum): ActivityRow {
  const text = amountText(roundAmount(value));
  return { ...row, value: text, equivalent_amount: row.currency === null ? null : text };
}
