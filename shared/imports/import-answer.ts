import { type Static, Type } from "@sinclair/typebox";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { FileReport } from "#shared/providers/focus/file-report.ts";
import type { ImportDocument } from "#shared/providers/focus/import-store.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

const text = Type.String();
const nullableText = nullable(text);
const count = Type.Integer({ minimum: 0 });

export const importStatuses = ["RECEIVED", "VALIDATING", "COMPLETED", "REJECTED", "FAILED"] as const;

const reportFields = {
  focus_version: nullableText,
  vendor: nullableText,
  rows: count,
  days: count,
  billing_periods: Type.Array(text),
  totals: Type.Array(strictObject({ currency: text, billed_cost: text, effective_cost: text })),
  errors: Type.Array(
    strictObject({ row: nullable(count), column: nullableText, rule: text, value_excerpt: nullableText }),
  ),
  error_count: count,
  findings: Type.Array(strictObject({ code: text, path: text, count, first: text })),
  renamed: Type.Record(text, text),
  filled: Type.Record(text, count),
};

/** What a dry run answers: the report of a file that is not kept. */
export const ImportReport = strictObject({
  dry_run: Type.Literal(true),
  would_be: choice(["COMPLETED", "REJECTED"]),
  sha256: text,
  ...reportFields,
});
export type ImportReport = Static<typeof ImportReport>;

/** Answer of the import endpoints (`provider-adapters.md` 3.9). */
export const ImportAnswer = strictObject({
  import_id: text,
  provider: text,
  source: text,
  format: Type.Literal("focus"),
  file_name: nullableText,
  sha256: text,
  bytes: count,
  status: choice(importStatuses),
  rows_read: count,
  ...reportFields,
  run_id: text,
  created_at: Type.String({ format: "date-time" }),
});
export type ImportAnswer = Static<typeof ImportAnswer>;

/** The import as it stands: its run decides between received, at work and ended. */
export function importAnswer(stored: ImportDocument, run: RunDocument | undefined): ImportAnswer {
  return {
    import_id: stored.importId,
    provider: stored.provider,
    source: stored.source,
    format: "focus",
    file_name: stored.fileName,
    sha256: stored.sha256,
    bytes: stored.bytes,
    status: importStatus(run),
    rows_read: stored.rowsRead,
    ...reportAnswer(stored.report),
    run_id: stored.runId,
    created_at: stored.createdAt,
  };
}

export function importStatus(run: RunDocument | undefined): ImportAnswer["status"] {
  if (run?.status === "COMPLETED") return "COMPLETED";
  if (run?.error?.code === "IMPORT_REJECTED") return "REJECTED";
  if (run?.status === "FAILED" || run?.status === "CANCELLED") return "FAILED";
  return run?.status === "RUNNING" ? "VALIDATING" : "RECEIVED";
}

export function importReport(report: FileReport, sha256: string): ImportReport {
  return { dry_run: true, would_be: report.errorCount > 0 ? "REJECTED" : "COMPLETED", sha256, ...reportAnswer(report) };
}

type ReportAnswer = Omit<ImportReport, "dry_run" | "would_be" | "sha256">;

function reportAnswer(report: FileReport | null): ReportAnswer {
  const days = new Set(Object.values(report?.periods ?? {}).flatMap((own) => Object.keys(own)));
  return {
    focus_version: report?.focusVersion ?? null,
    vendor: report?.vendor ?? null,
    rows: report?.rows ?? 0,
    days: days.size,
    billing_periods: Object.keys(report?.periods ?? {}).sort(),
    totals: Object.entries(report?.totals ?? {}).map(([currency, [billed, effective]]) => ({
      currency,
      billed_cost: amountText(parseAmount(billed)),
      effective_cost: amountText(parseAmount(effective)),
    })),
    errors: report?.errors ?? [],
    error_count: report?.errorCount ?? 0,
    findings: report?.findings ?? [],
    renamed: report?.renamed ?? {},
    filled: report?.filled ?? {},
  };
}
