import type { PriceVersion } from "./price.ts";

/** A row of `genai_model_prices` in the organization's dataset: a mirror for BI, never read by the platform. */
export function mirrorRow(
  version: PriceVersion,
  at: { bookVersion: string; documentVersion: number; eventId: string; now: string },
): Record<string, unknown> {
  const { terms } = version;
  return {
    price_id: version.priceId,
    scope: version.scope,
    kind: version.kind,
    flow: version.flow,
    provider: version.provider,
    model_id: version.modelId,
    region: version.region,
    currency: version.currency,
    effective_from: version.effectiveFrom,
    effective_to: version.effectiveTo,
    input_per_1m: terms.input_per_1m ?? null,
    output_per_1m: terms.output_per_1m ?? null,
    hourly_rate: terms.hourly_rate ?? null,
    rates: terms,
    source: version.source,
    as_of: version.asOf,
    confidence: version.confidence,
    price_book_version: at.bookVersion,
    withdrawn_at: version.withdrawnAt,
    notes: version.notes,
    created_at: version.createdAt,
    event_id: at.eventId,
    version: at.documentVersion,
    operation: at.documentVersion === 1 ? "CREATE" : "UPDATE",
    recorded_at: at.now,
  };
}
