import pl, { type DataFrame, type Expr } from "nodejs-polars";
import type { Fill } from "./fills.ts";
import { addErrors, type FileReport, mostErrors } from "./file-report.ts";
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
export async function inspect(typed: DataFrame, looks: Looks, report: FileReport): Promise<void> {
  const checks = await counted(typed, looks.checks);
  const errors: RowError[] = [];
  for (const [at, count] of checks.entries()) {
    const check = looks.checks[at];
    if (count === 0 || check === undefined) continue;
    report.errorCount += count;
    errors.push(...(await rowErrors(typed, check)));
  }
  if (errors.length > 0) {
    errors.sort((one, other) => (one.row ?? 0) - (other.row ?? 0));
    addErrors(report, errors, 0);
  }
  if (report.errorCount > 0) return;
  await addFindings(typed, looks.rules, report);
  const filled = await counted(typed, looks.fills);
  looks.fills.forEach(({ column }, at) => {
    const count = filled[at] ?? 0;
    if (count > 0) report.filled[column] = (report.filled[column] ?? 0) + count;
  });
}

async function counted(typed: DataFrame, masks: readonly { mask: Expr }[]): Promise<number[]> {
  if (masks.length === 0) return [];
  const sums = await typed
    .lazy()
    .select(...masks.map(({ mask }, at) => mask.sum().alias(String(at))))
    .collect();
  return sums.row(0).map((count) => Number(count ?? 0));
}

async function rowErrors(typed: DataFrame, { column, rule, text, mask }: RowCheck): Promise<RowError[]> {
  const names = text === null ? [rowName] : [rowName, text];
  const wrong = await typed.lazy().filter(mask).select(...names).limit(mostErrors).collect();
  return wrong.rows().map(([row, value]) => ({
    row: Number(row),
    column,
    rule,
    value_excerpt: typeof value === "string" ? excerpt(value) : null,
  }));
}

async function addFindings(typed: DataFrame, rules: readonly FocusRule[], report: FileReport): Promise<void> {
  const counts = await counted(typed, rules);
  for (const [at, count] of counts.entries()) {
    const rule = rules[at];
    if (count === 0 || rule === undefined) continue;
    const known = report.findings.find(({ code, path }) => code === rule.code && path === rule.column);
    if (known !== undefined) known.count += count;
    else {
      const first = await typed.lazy().filter(rule.mask).select(pl.col(rowName)).limit(1).collect();
      const row = Number(first.getColumn(rowName).get(0));
      report.findings.push({ code: rule.code, path: rule.column, count, first: `row ${row}` });
    }
  }
}
