import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { parseAmount } from "#shared/money/amount.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { shownBook } from "./observed-rates.ts";
import type { ObservedPorts } from "./observed-skus.ts";
import { flows } from "./price.ts";
import { priceProvider } from "./price-providers.ts";
import { todayOf } from "./prices-read.ts";
import { versionsOn } from "./versions.ts";

export const DissentQuery = strictObject({
  provider: Type.Optional(plainText(1, 50)),
  min_difference_pct: Type.Number({ minimum: 0, maximum: 1_000_000, default: 1 }),
});
export type DissentQuery = Static<typeof DissentQuery>;

export const DissentList = strictObject({
  org_slug: Type.String(),
  dissent: Type.Array(
    strictObject({
      provider: Type.String(),
      flow: Type.String(),
      model_id: Type.String(),
      region: Type.String(),
      price_id: Type.String(),
      source: Type.String(),
      meter: Type.String(),
      value: Type.String(),
      in_use: Type.String(),
      difference_pct: Type.String(),
      as_of: nullable(Type.String()),
    }),
  ),
  count: Type.Integer(),
});
export type DissentList = Static<typeof DissentList>;

/** What speaks against prices in force today, the largest difference first. */
export async function dissent(
  asked: { org: OrgIdentity; query: DissentQuery },
  ports: ObservedPorts,
): Promise<DissentList> {
  const { org, query } = asked;
  const provider = query.provider === undefined ? undefined : await priceProvider(query.provider);
  const { book, observed } = await shownBook(org, ports);
  const inForce = versionsOn(
    flows.flatMap((flow) => book.all(flow, provider)),
    todayOf(ports),
  );
  const size = (text: string) => parseAmount(text).abs();
  const rows = inForce
    .flatMap((version) =>
      [...version.dissent, ...(observed.get(version.priceId) ?? [])].map((each) => ({
        provider: version.provider,
        flow: version.flow,
        model_id: version.modelId,
        region: version.region,
        price_id: version.priceId,
        ...each,
      })),
    )
    .filter((row) => size(row.difference_pct).greaterThanOrEqualTo(query.min_difference_pct))
    .sort((a, b) => size(b.difference_pct).comparedTo(size(a.difference_pct)) || (a.model_id < b.model_id ? -1 : 1));
  return { org_slug: org.slug, dissent: rows, count: rows.length };
}
