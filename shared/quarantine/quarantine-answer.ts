import { type Static, Type } from "@sinclair/typebox";
import type { Totals } from "#shared/ledger/ledger.ts";
import type { Failure } from "#shared/quality/expectation.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { type QuarantineDocument, quarantineStates, statusOf } from "./quarantine.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });
const MoneyTotals = Type.Record(text, strictObject({ billed: text, effective: text }));

export const FailedExpectation = strictObject({
  id: text,
  kind: text,
  table: text,
  severity: choice(["error", "warn"]),
  source: nullable(text),
  day: nullable(text),
  observed: text,
  bound: text,
  offending: Type.Array(text),
});
type FailedExpectation = Static<typeof FailedExpectation>;

export const QuarantineItem = strictObject({
  id: text,
  status: choice([...quarantineStates, "EXPIRED"]),
  run_id: text,
  pipeline_id: text,
  source: text,
  provider: text,
  days: Type.Array(text),
  failed_expectations: Type.Array(FailedExpectation),
  old_totals: nullable(MoneyTotals),
  new_totals: MoneyTotals,
  ratio: nullable(text),
  created_at: instant,
  expires_at: instant,
  decided_at: nullable(instant),
  decided_by: nullable(text),
  reason: nullable(text),
});
export type QuarantineItem = Static<typeof QuarantineItem>;

/** A quarantine as it is answered (`providers.md` 4.4). */
export function quarantineItem(item: QuarantineDocument, now: Date): QuarantineItem {
  const insane = item.failures.find(({ kind }) => kind === "unit_sanity");
  return {
    id: item.quarantineId,
    status: statusOf(item, now),
    run_id: item.runId,
    pipeline_id: item.pipelineId,
    source: item.source,
    provider: item.provider,
    days: item.days,
    failed_expectations: item.failures.map(failedExpectation),
    old_totals: item.oldTotals === null ? null : moneyTotals(item.oldTotals),
    new_totals: moneyTotals(item.newTotals),
    ratio: insane?.ratio ?? null,
    created_at: item.heldAt,
    expires_at: item.expiresAt,
    decided_at: item.decidedAt,
    decided_by: item.decidedBy,
    reason: item.reason,
  };
}

export function failedExpectation({ expectation, ...failure }: Failure): FailedExpectation {
  const { kind, table, severity, source, day, observed, bound, offending } = failure;
  return { id: expectation, kind, table, severity, source, day, observed, bound, offending };
}

function moneyTotals(totals: Totals): Record<string, { billed: string; effective: string }> {
  return Object.fromEntries(
    Object.entries(totals).map(([currency, [billed, effective]]) => [currency, { billed, effective }]),
  );
}
