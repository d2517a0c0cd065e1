import { parseAmount } from "#shared/money/amount.ts";
import type { PriceVersion, Terms } from "./price.ts";
import { type OrgAlias, type PriceBook, priceBook } from "./price-book.ts";
import type { PaygUsage } from "./quote-line.ts";
import { shippedPrices } from "./shipped-prices.ts";

let made = 0;

/** A version of an organization's own, made by its first write unless said otherwise. */
export function ownPrice(
  modelId: string,
  effectiveFrom: string,
  terms: Terms,
  other: Partial<PriceVersion> = {},
): PriceVersion {
  made += 1;
  return {
    priceId: `prc_${made}`,
    scope: "org",
    kind: "custom",
    flow: "payg",
    provider: "openai",
    modelId,
    region: "global",
    commitmentType: null,
    currency: "USD",
    effectiveFrom,
    effectiveTo: null,
    terms,
    notes: null,
    source: "org",
    sourceRef: null,
    asOf: null,
    confidence: "verified",
    dissent: [],
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: "key_1",
    orgVersion: 1,
    withdrawnAt: null,
    withdrawnBy: null,
    withdrawnOrgVersion: null,
    supersededBy: null,
    ...other,
  };
}

/** The shipped release as number 1 with an organization's prices over it. */
export async function bookWith(
  prices: readonly PriceVersion[] = [],
  org: { version?: number; aliases?: readonly OrgAlias[] } = {},
): Promise<PriceBook> {
  const { prices: shipped, aliases, multipliers, unitPrices } = await shippedPrices();
  return priceBook(
    { number: 1, prices: shipped, aliases, multipliers, unitPrices },
    { version: org.version ?? 1, prices, aliases: org.aliases ?? [] },
  );
}

/** Usage of a model on the day of the golden vectors. */
export function usageOf(
  provider: string,
  model: string,
  tokens: Record<string, string>,
  other: Partial<PaygUsage> = {},
): PaygUsage {
  return {
    provider,
    model,
    day: "2026-08-02",
    region: "global",
    serviceTier: "standard",
    contextWindow: null,
    speed: null,
    tokens: Object.fromEntries(Object.entries(tokens).map(([meter, count]) => [meter, parseAmount(count)])),
    units: {},
    ...other,
  };
}
