import { describe, expect, it } from "vitest";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { FxRate } from "#shared/money/fx.ts";
import { conversionKey, fxShown, noRate, sameCurrency } from "./conversion.ts";
import { addDays } from "./dates.ts";
import { noSums } from "./sums.ts";

const rate: FxRate = {
  from: "EUR",
  to: "USD",
  rate: "1.08",
  rate_date: "2026-01-01",
  source: "ecb",
  method: "market",
  carried: false,
  stale: false,
};

function converted(fx: FxRate | string, day: string) {
  return { key: { fx: typeof fx === "string" ? fx : JSON.stringify(fx), day }, sums: noSums };
}

describe("fx of an answer", () => {
  it("lists each rate once, by pair and day, and nothing that was not converted", () => {
    const later = { ...rate, rate: "1.09", rate_date: "2026-01-02" };
    const groups = [
      converted(later, "2026-01-02"),
      converted(rate, "2026-01-01"),
      converted(later, "2026-01-02"),
      converted(sameCurrency, "2026-01-01"),
      converted(noRate, "2026-01-01"),
    ];

    expect(fxShown(groups)).toEqual([rate, later]);
  });

  it("shows one entry per pair where more than 100 rates were used", () => {
    const groups = Array.from({ length: 101 }, (_, at) => {
      const day = addDays("2026-01-01", at);
      return converted({ ...rate, rate: `1.${String(at + 100)}`, rate_date: day, carried: at === 3 }, day);
    });
    groups.push(converted({ ...rate, from: "GBP", stale: true }, "2026-01-01"));

    expect(fxShown(groups.slice(0, 100))).toHaveLength(100);
    expect(fxShown(groups)).toEqual([
      { from: "EUR", to: "USD", min_rate: "1.100", max_rate: "1.200", days: 101, carried: true, stale: false },
      { from: "GBP", to: "USD", min_rate: "1.08", max_rate: "1.08", days: 1, carried: false, stale: true },
    ]);
  });
});

describe("the key of a month's frame", () => {
  const month = (currency: string): PublishedMonth => ({
    month: "2026-03",
    epoch: 1,
    version: 1,
    days: [
      {
        pipelineId: "p",
        source: "s",
        day: "2026-03-01",
        state: "complete",
        rows: 1,
        totals: { [currency]: ["1", "1"] },
        batches: {},
        publishedAt: "2026-03-02T02:10:00.000Z",
      },
    ],
  });
  const keyAt = (rows: string, version: string): string =>
    conversionKey(month(rows), {
      currency: "USD",
      book: {
        version,
        orgRates: async () => [],
        seed: { day: "2025-12-14", base: "USD", source: "seed", rates: new Map() },
        market: { months: [], currencies: new Set(), days: async () => [] },
      },
    });

  it("follows the version of the rates where rows are converted, and only there", () => {
    expect(keyAt("EUR", "m1.o0")).not.toBe(keyAt("EUR", "m2.o0"));
    expect(keyAt("USD", "m1.o0")).toBe(keyAt("USD", "m2.o0"));
  });
});
