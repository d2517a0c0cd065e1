import { compareText } from "#shared/hierarchy/tree.ts";
import { amountText, type Decimal, parseAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type DayValue, valuesText } from "./metric-store.ts";

const maximumValues = 5_000;
const maximumBytes = 880 * 1024;

/** How new values meet those of their day: beside them, or in their place. */
export type WriteMode = "merge" | "replace_days";

/** What a write made of one day. */
export interface WrittenDay {
  values: DayValue[];
  added: number;
  changed: number;
  unchanged: number;
  /** Older than what is stored, by their revision: ignored. */
  stale: number;
  removed: number;
}

/**
 * The values of a day after others came: one whose revision is lower than the stored one's is ignored, so that the order
 * of delivery does not matter. Throws `DAY_TOO_LARGE`. Source: hierarchy.md 3.
 */
export function writtenDay(before: readonly DayValue[], incoming: readonly DayValue[], mode: WriteMode): WrittenDay {
  const stored = new Map(before.map((value) => [value.dimension, value]));
  const after = new Map(mode === "merge" ? stored : []);
  const counts = { added: 0, changed: 0, unchanged: 0, stale: 0 };
  for (const value of incoming) {
    const known = after.get(value.dimension) ?? stored.get(value.dimension);
    const next = { ...value, revision: value.revision ?? known?.revision ?? null };
    const outcome = outcomeOf(known, value);
    counts[outcome] += 1;
    after.set(value.dimension, outcome === "stale" && known !== undefined ? known : next);
  }
  const values = [...after.values()].sort((a, b) => compareText(a.dimension, b.dimension));
  if (values.length > maximumValues || Buffer.byteLength(valuesText(values)) > maximumBytes)
    throw new AppError("DAY_TOO_LARGE", `A day has at most ${maximumValues} values and ${maximumBytes} bytes.`);
  return { values, ...counts, removed: before.filter(({ dimension }) => !after.has(dimension)).length };
}

function outcomeOf(known: DayValue | undefined, value: DayValue): "added" | "changed" | "unchanged" | "stale" {
  if (known === undefined) return "added";
  if (known.revision !== null && value.revision !== null && value.revision < known.revision) return "stale";
  const isSame = known.quantity === value.quantity && (value.revision ?? known.revision) === known.revision;
  return isSame ? "unchanged" : "changed";
}

/** The sum of a day's values. */
export function dayTotal(values: readonly DayValue[]): Decimal {
  return values.length === 0 ? zero : sumAmounts(values.map(({ quantity }) => parseAmount(quantity)));
}

export function dayTotalText(values: readonly DayValue[]): string | null {
  return values.length === 0 ? null : amountText(dayTotal(values));
}
