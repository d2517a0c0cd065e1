import type { QuotaDocument, WarnedLimit } from "./quota.ts";

/** What one limit's use comes to in a period: a UTC day, or a UTC month for what has no period of its own. */
export interface Use {
  limit: WarnedLimit;
  period: string;
  used: number;
  /** null = unlimited. */
  limitValue: number | null;
}

/** used x 100 / limit, half up to one digit; a limit of 0 is 100; null is null. Whole numbers until the last step. */
export function percentOf(used: number, limitValue: number | null): number | null {
  if (limitValue === null) return null;
  if (limitValue === 0) return 100;
  return Math.floor((used * 2000 + limitValue) / (limitValue * 2)) / 10;
}

/** The highest of 80, 90 and 100 that is reached, by whole numbers; undefined below. */
export function warningLevel(used: number, limitValue: number): number | undefined {
  return [100, 90, 80].find((level) => used * 100 >= level * limitValue);
}

/**
 * The warning that this use deserves and nobody has been sent in its period, with the document that remembers it.
 * Several levels crossed at once are the highest only; one reached before, left and reached again is none.
 */
export function dueWarning(quota: QuotaDocument, use: Use): { quota: QuotaDocument; level: number } | undefined {
  const level = use.limitValue === null ? undefined : warningLevel(use.used, use.limitValue);
  if (level === undefined) return undefined;
  const sent = quota.warned[use.limit];
  if (sent !== undefined && sent.period >= use.period && sent.level >= level) return undefined;
  return { quota: { ...quota, warned: { ...quota.warned, [use.limit]: { period: use.period, level } } }, level };
}
