import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { addErrors, type FileReport, mostErrors } from "./file-report.ts";
import type { Fill } from "./fills.ts";
import type { FocusRule } from "./focus-rules.ts";
import { excerpt, type RowError } from "./refusal.ts";
import type { RowCheck } from "./row-checks.ts";
import { rowName } from "./typed-frame.ts";

/** All that is looked for in each row of a file. */
export interface Looks {
  checks: readonly RowCheck[];
  rules: readonly FocusRule[];
  fills: readonly Fill[];
}

/** Looks at typed records, before anything is filled, and adds what it finds to the report. */
export type Inspection = (typed: DataFrame, report: FileReport) => Promise<void>;

/** Makes the inspection of one file. Its expressions are made once: each costs a millisecond. */
export function inspection({ checks, rules, fills }: Looks): Inspection {
  const countChecks = counting(checks);
  const countRest = counting([...rules, ...fills]);
  return async (typed, report) => {
    const wrong = await countChecks(typed);
    const errors: RowError[] = [];
    for (const [at, count] of wrong.entries()) {
      const check = checks[at];
      if (count === 0 || check === undefined) continue;
      report.errorCount += count;
      errors.push(...(await rowErrors(typed, check)));
    }
    errors.sort((one, other) => (one.row ?? 0) - (other.row ?? 0));
    addErrors(report, errors, 0);
    if (report.errorCount > 0) return;
    const counts = await countRest(typed);
    await addFindings(typed, rules, counts, report);
    addFilled(fills, counts.slice(rules.length), report);
  };
}

/** Rows for which each mask is true, all counted in one pass. */
function counting(masks: readonly { mask: Expr }[]): (typed: DataFrame) => Promise<number[]> {
  const sums = masks.map(({ mask }, at) => mask.sum().alias(String(at)));
  return async (typed) => {
    const counts = await typed
      .lazy()
      .select(...sums)
      .collect();
    return counts.row(0).map((count) => Number(count ?? 0));
  };
}

async function rowErrors(typed: DataFrame, { column, rule, text, mask }: RowCheck): Promise<RowError[]> {
  const names = text === null ? [rowName] : [rowName, text];
  const wrong = await typed
    .lazy()
    .filter(mask)
    .select(...names)
    .limit(mostErrors)
    .collect();
  return wrong.rows().map(([row, value]) => ({
    row: Number(row),
    column,
    rule,
    value_excerpt: typeof value === "string" ? excerpt(value) : null,
  }));
}

async function addFindings(
  typed: DataFrame,
  rules: readonly FocusRule[],
  counts: readonly number[],
  report: FileReport,
): Promise<void> {
  for (const [at, { code, column, mask }] of rules.entries()) {
    const count = counts[at] ?? 0;
    if (count === 0) continue;
    const known = report.findings.find((finding) => finding.code === code && finding.path === column);
    if (known !== undefined) known.count += count;
    else {
      const first = await typed.lazy().filter(mask).select(pl.col(rowName)).limit(1).collect();
      report.findings.push({ code, path: column, count, first: `row ${Number(first.row(0)[0])}` });
    }
  }
}

function addFilled(fills: readonly Fill[], counts: readonly number[], report: FileReport): void {
  fills.forEach(({ column }, at) => {
    const count = counts[at] ?? 0;
    if (count > 0) report.filled[column] = (report.filled[column] ?? 0) + count;
  });
}
