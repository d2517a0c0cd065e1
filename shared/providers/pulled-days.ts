import type { Findings } from "./findings.ts";
import type { DayState, PullContext, Pulled, Row } from "./provider.ts";
import { dayOfSeconds } from "./utc-days.ts";

/** What one extracting step got for one table. */
export interface TableAnswer {
  table: string;
  rows: readonly (Row & { usage_date: string })[];
  /** The UTC days that the provider answered at all. */
  answered: ReadonlySet<string>;
  found: Findings;
  warnings: readonly string[];
}

/**
 * The answer of a step with a state for every day asked. A day the provider did not answer is `unavailable` and named,
 * never an empty day that would erase what is published; its rows are held back.
 */
export function pulledDays(context: PullContext, { table, rows, answered, found, warnings }: TableAnswer): Pulled {
  const { days, now, provider } = context;
  const today = dayOfSeconds(Math.floor(now.getTime() / 1000));
  const filled = new Set(rows.map(({ usage_date }) => usage_date));
  const stateOf = (day: string): DayState => {
    if (!answered.has(day)) return "unavailable";
    if (day >= today) return "partial";
    return filled.has(day) ? "complete" : "empty";
  };
  const missing = days.filter((day) => !answered.has(day));
  const unanswered = missing.length > 0 ? [`${provider.display_name} gave no answer for ${missing.join(", ")}.`] : [];
  return {
    rows: { [table]: rows.filter(({ usage_date }) => answered.has(usage_date)) },
    days: Object.fromEntries(days.map((day) => [day, stateOf(day)])),
    findings: found.list(),
    warnings: [...warnings, ...unanswered],
  };
}
