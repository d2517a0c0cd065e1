import type { FieldProblem } from "#shared/runtime/errors.ts";
import { isDay } from "./price-rows.ts";

export const firstPriceDay = "2000-01-01";
const yearsAhead = 5;

/** The last UTC day a price may name: today and five years. */
export function lastPriceDay(today: string): string {
  const [year = "", month = "", day = ""] = today.split("-");
  const same = `${Number(year) + yearsAhead}-${month}-${day}`;
  return isDay(same) ? same : `${Number(year) + yearsAhead}-02-28`;
}

/** Problems of the days of a request (UTC). Source: `prices-and-plans.md`, head. */
export function dayProblems(
  days: { effective_from?: string | undefined; effective_to?: string | null | undefined },
  today: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const last = lastPriceDay(today);
  for (const [name, value] of Object.entries(days)) {
    if (value == null) continue;
    if (!isDay(value) || value < firstPriceDay || value > last)
      problems.push({ path: `/${name}`, problem: `must be a day from ${firstPriceDay} to ${last}` });
  }
  const { effective_from: from, effective_to: to } = days;
  if (to != null && from !== undefined && to < from)
    problems.push({ path: "/effective_to", problem: "must not be before effective_from" });
  return problems;
}
