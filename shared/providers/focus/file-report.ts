import type { Totals } from "#shared/ledger/ledger.ts";
import type { Finding } from "../provider.ts";
import type { RowError } from "./refusal.ts";

/** What was found in a file, whether it can be used or not. */
export interface FileReport {
  focusVersion: string | null;
  /** Who delivered it: the name the integration gives, else the providers its rows name. */
  vendor: string | null;
  rows: number;
  /** Rows by billing period `YYYY-MM` and UTC charge day. */
  periods: Record<string, Record<string, number>>;
  totals: Totals;
  /** The first hundred. */
  errors: RowError[];
  errorCount: number;
  findings: Finding[];
  /** FOCUS name by the name that was delivered. */
  renamed: Record<string, string>;
  /** Rows whose value was made of others, by column. */
  filled: Record<string, number>;
}

export const mostErrors = 100;

export function emptyReport(): FileReport {
  return {
    focusVersion: null,
    vendor: null,
    rows: 0,
    periods: {},
    totals: {},
    errors: [],
    errorCount: 0,
    findings: [],
    renamed: {},
    filled: {},
  };
}

/** Counts errors and keeps the first. */
export function addErrors(report: FileReport, errors: readonly RowError[], count = errors.length): void {
  report.errorCount += count;
  report.errors.push(...errors.slice(0, mostErrors - report.errors.length));
}
