import type { PublishedDay } from "#shared/ledger/current-batches.ts";
import type { UnpricedUsage } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { DateRange } from "./dates.ts";
import type { CostFilters } from "./filters.ts";

/** Usage without a price, as `completeness.unpriced` shows it; quantities are decimal text. */
export interface Unpriced {
  rows: number;
  tokens: string;
  requests: number;
  items: { provider: string; model: string | null; meter: string; days: number; quantity: string }[];
}

interface Item {
  provider: string;
  model: string | null;
  meter: string;
  days: Set<string>;
  quantity: string;
}

/**
 * The usage of the range's published days that no money stands for, as the ledger states it beside their totals: no row
 * is read. It has neither service nor charge, so that only the provider and, as far as usage has one, the category
 * choose; what is not chosen by others stays listed. Plans without a price are counted in days of seats. Source: costs.md 4.
 */
export function unpricedUsage(days: readonly PublishedDay[], range: DateRange, filters: CostFilters): Unpriced {
  const found: Unpriced = { rows: 0, tokens: "0", requests: 0, items: [] };
  const items = new Map<string, Item>();
  for (const { day, pricing } of days) {
    if (day < range.start || day > range.end) continue;
    for (const usage of pricing?.unpriced ?? []) {
      if (!isChosen(usage, filters)) continue;
      found.rows += usage.rows;
      found.requests += usage.requests;
      found.tokens = sum(found.tokens, usage.tokens);
      for (const [meter, quantity] of Object.entries(usage.meters)) {
        const { provider, model } = usage;
        const key = JSON.stringify([provider, model, meter]);
        const item = items.get(key) ?? { provider, model, meter, days: new Set<string>(), quantity: "0" };
        items.set(key, { ...item, days: item.days.add(day), quantity: sum(item.quantity, quantity) });
      }
    }
  }
  const sorted = [...items].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...found, items: sorted.map(([, item]) => ({ ...item, days: item.days.size })) };
}

/** Usage is of generative AI, or of a provider that is none of the known kinds; a plan is a purchase of its own kind. */
function isChosen(
  { provider, category: own }: Pick<UnpricedUsage, "provider" | "category">,
  { providers, categories, charge_categories: charges }: CostFilters,
): boolean {
  const [kinds, charge] = own === "saas" ? [["saas"], "Purchase"] : [["llm", "other"], "Usage"];
  return (
    (providers?.includes(provider) ?? true) &&
    (categories?.some((category) => kinds.includes(category)) ?? true) &&
    (charges?.includes(charge) ?? true)
  );
}

function sum(one: string, other: string): string {
  return amountText(parseAmount(one).plus(other));
}
