import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import { nullable } from "#shared/runtime/schema.ts";
import type { PriceInForce } from "./look-up.ts";
import type { ObservedDissent } from "./observed-rates.ts";
import { type Dissent, type PriceVersion, rateNames, type Terms, unitMeters } from "./price.ts";
import { perThousandNames } from "./price-fields.ts";
import { lastDayOf } from "./versions.ts";

const text = () => Type.String();
const nullableText = () => nullable(Type.String());

/** A price as answers show it: the fields of A2, rates as trimmed text, and the names older clients read. */
export const PriceRow = Type.Object(
  {
    price_id: text(),
    pricing_id: text(),
    org_slug: text(),
    scope: text(),
    kind: text(),
    flow: text(),
    provider: text(),
    model_id: nullableText(),
    instance_type: nullableText(),
    commitment_type: nullableText(),
    region: text(),
    currency: text(),
    effective_from: text(),
    effective_date: text(),
    effective_to: nullableText(),
    end_date: nullableText(),
    notes: nullableText(),
    source: text(),
    source_ref: nullableText(),
    as_of: nullableText(),
    confidence: text(),
    dissent: Type.Array(Type.Record(Type.String(), nullable(Type.String()))),
    status: text(),
    is_custom: Type.Boolean(),
    is_enabled: Type.Boolean(),
    is_override: Type.Boolean(),
    created_at: text(),
    created_by: text(),
    withdrawn_at: nullableText(),
    withdrawn_by: nullableText(),
    superseded_by: nullableText(),
    last_updated: text(),
  },
  { description: "Rates, tiers, units and labels by the names they are written with" },
);
export type PriceRow = Static<typeof PriceRow>;

/** A row with its warnings, as a write answers it. */
export const WrittenPrice = Type.Intersect([
  PriceRow,
  Type.Object({ warnings: Type.Array(Type.Object({ code: text(), field: text(), message: text() })) }),
]);
export type WrittenPrice = Static<typeof WrittenPrice>;

interface Shown {
  org: Pick<OrgIdentity, "slug">;
  /** UTC day the answer is about. */
  today: string;
  /** Versions the row's line may end by. */
  others: readonly PriceVersion[];
  /** Absent: nobody looked at the organization's bills. */
  observed?: ObservedDissent;
}

/** One version as it was written. */
export function versionRow(version: PriceVersion, shown: Shown): PriceRow {
  const lastDay = lastDayOf(version, version.withdrawnAt === null ? shown.others : []);
  const status = statusOf(version, lastDay, shown.today);
  return {
    ...termsRow(version.terms),
    price_id: version.priceId,
    pricing_id: version.priceId,
    org_slug: shown.org.slug,
    scope: version.scope,
    kind: version.kind,
    flow: version.flow,
    provider: version.provider,
    model_id: version.flow === "infrastructure" ? null : version.modelId,
    instance_type: version.flow === "infrastructure" ? version.modelId : null,
    commitment_type: version.commitmentType,
    region: version.region,
    currency: version.currency,
    effective_from: version.effectiveFrom,
    effective_date: version.effectiveFrom,
    effective_to: lastDay,
    end_date: lastDay,
    notes: version.notes,
    source: version.source,
    source_ref: version.sourceRef,
    as_of: version.asOf,
    confidence: version.confidence,
    dissent: [...version.dissent, ...observedOf(version, shown)].map((each) => ({ ...each })),
    status,
    is_custom: version.scope === "org",
    is_enabled: status === "active",
    is_override: version.kind === "override",
    created_at: version.createdAt,
    created_by: version.createdBy,
    withdrawn_at: version.withdrawnAt,
    withdrawn_by: version.withdrawnBy,
    superseded_by: version.supersededBy,
    last_updated: version.withdrawnAt ?? version.createdAt,
  };
}

/** The price in force: the row with the organization's override laid over its rates; both stand beside it. */
export function inForceRow(
  price: Pick<PriceInForce, "row" | "override" | "terms">,
  shown: Shown,
): PriceRow & { base: PriceRow | null; override: PriceRow | null } {
  const row = versionRow(price.row, shown);
  if (price.override === undefined) return { ...row, base: null, override: null };
  const override = versionRow(price.override, shown);
  return {
    ...row,
    ...termsRow(price.terms),
    dissent: [...price.row.dissent.map((each) => ({ ...each })), ...override.dissent],
    is_override: true,
    last_updated: override.last_updated > row.last_updated ? override.last_updated : row.last_updated,
    base: row,
    override,
  };
}

function observedOf({ priceId }: PriceVersion, { observed }: Shown): readonly Dissent[] {
  return observed?.get(priceId) ?? [];
}

function statusOf(version: PriceVersion, lastDay: string | null, today: string): string {
  if (version.withdrawnAt !== null) return "withdrawn";
  if (version.effectiveFrom > today) return "pending";
  return lastDay !== null && lastDay < today ? "expired" : "active";
}

/** The terms under their own names and those of older clients; unpriced rates are null, never left out. */
function termsRow(terms: Terms): Record<string, unknown> {
  const rates = Object.fromEntries(rateNames.map((name) => [name, terms[name] ?? null]));
  const batch = terms.tiers?.find((row) => row.service_tier === "batch" && row.above_input_tokens === null);
  const byName: Record<keyof typeof perThousandNames, string | null> = {
    input_per_1m: terms.input_per_1m ?? null,
    output_per_1m: terms.output_per_1m ?? null,
    batch_input_per_1m: batch?.input_per_1m ?? null,
    batch_output_per_1m: batch?.output_per_1m ?? null,
  };
  const older = Object.entries(perThousandNames).flatMap(([name, names]) =>
    names.map((alias) => [alias, perThousand(byName[name as keyof typeof byName])]),
  );
  return {
    ...terms,
    ...rates,
    ...Object.fromEntries(older),
    batch_input_per_1m: byName.batch_input_per_1m,
    batch_output_per_1m: byName.batch_output_per_1m,
    cached_write_per_1m: terms.cache_write_5m_per_1m ?? null,
    discount_percentage: terms.volume_discount_pct ?? null,
    ptu_hourly_rate: terms.hourly_rate ?? null,
    ptu_monthly_rate: terms.monthly_rate ?? null,
    tiers: terms.tiers ?? [],
    per_unit: Object.fromEntries(
      unitMeters.flatMap((meter) => (terms.per_unit?.[meter] ? [[meter, terms.per_unit[meter]]] : [])),
    ),
  };
}

function perThousand(rate: string | null): string | null {
  return rate === null ? null : amountText(parseAmount(rate).dividedBy(1000));
}
