import { AppError } from "#shared/runtime/errors.ts";
import type { FxDissent, FxMonth, PublishedRates } from "./fx.ts";

/** What a month's documents become when a source's days come in; `changedDays` is empty when nothing is to be written. */
export interface MonthChange {
  month: FxMonth;
  changedDays: string[];
  unchangedDays: string[];
  /** All values of this load that differ from what is stored, also those kept before. */
  dissent: FxDissent[];
  isNewDissent: boolean;
  currencies: string[];
}

/**
 * Adds days of one month. A stored (day, source, currency) keeps its value; another one is dissent, and used only when
 * forced, as a further set. Throws `INVALID_BODY` when a source states a day in another base than before.
 */
export function addRates(
  stored: FxMonth | undefined,
  published: readonly PublishedRates[],
  by: { month: string; source: string; fxVersion: number; recordedAt: string; force: boolean },
): MonthChange {
  const month: FxMonth = structuredClone(stored ?? { month: by.month, days: {}, dissent: [] });
  const change: MonthChange = {
    month,
    changedDays: [],
    unchangedDays: [],
    dissent: [],
    isNewDissent: false,
    currencies: [],
  };
  for (const each of published) addDay(change, each, by);
  return change;
}

function addDay(
  change: MonthChange,
  { base, publishedOn: day, rates }: PublishedRates,
  { source, fxVersion, recordedAt, force }: { source: string; fxVersion: number; recordedAt: string; force: boolean },
): void {
  const sets = change.month.days[day] ?? [];
  const parts = sets.filter((set) => set.source === source);
  const standing = new Map(parts.flatMap((part) => Object.entries(part.rates)));
  if (parts.some((part) => part.base !== base)) throw otherBase(day, parts[0]?.base ?? "");
  const entries = Object.entries(rates);
  const differing = entries.filter(([currency, rate]) => (standing.get(currency) ?? rate) !== rate);
  for (const [currency, claimed] of differing) {
    const dissent = { day, source, currency, kept: standing.get(currency) ?? "", claimed, recordedAt };
    change.dissent.push(dissent);
    const isKnown = change.month.dissent.some((known) => isSameDissent(known, dissent));
    if (isKnown || force) continue;
    change.month.dissent.push(dissent);
    change.isNewDissent = true;
  }
  const taken = entries.filter(
    ([currency, rate]) => !standing.has(currency) || (force && standing.get(currency) !== rate),
  );
  if (taken.length > 0) {
    const set = { base, source, publishedOn: day, recordedAt, fxVersion, rates: Object.fromEntries(taken) };
    change.month.days[day] = [...sets, set];
    change.changedDays.push(day);
    change.currencies.push(base, ...taken.map(([currency]) => currency));
  } else if (differing.length === 0) change.unchangedDays.push(day);
}

function isSameDissent(one: FxDissent, other: FxDissent): boolean {
  return (
    one.day === other.day &&
    one.source === other.source &&
    one.currency === other.currency &&
    one.claimed === other.claimed
  );
}

function otherBase(day: string, base: string): AppError {
  const problem = `is stored in ${base} by this source`;
  return new AppError("INVALID_BODY", `The day ${day} ${problem}.`, { fields: [{ path: `/content/${day}`, problem }] });
}
