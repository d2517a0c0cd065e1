import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type ObservedDissent, shownBook } from "./observed-rates.ts";
import type { ObservedPorts } from "./observed-skus.ts";
import { offsetPaging, paged } from "./offset-page.ts";
import { onlyProvider } from "./only-provider.ts";
import { flows } from "./price.ts";
import { PriceRow, versionRow } from "./price-answer.ts";
import type { PriceBook } from "./price-book.ts";
import { day } from "./price-fields.ts";
import { flowOf, identifierOf, priceProvider } from "./price-providers.ts";
import { byModelAndDay, dayAsked, rowsInForce, todayOf, versionsOf } from "./prices-read.ts";
import { ownOf } from "./versions-read.ts";

const optional = Type.Optional;

export const AllPricesQuery = strictObject({
  provider: optional(plainText(1, 50)),
  include_inactive: Type.Boolean({ default: false }),
  at: optional(day()),
});
export type AllPricesQuery = Static<typeof AllPricesQuery>;

export const AllPrices = strictObject({
  org_slug: Type.String(),
  payg: Type.Array(PriceRow),
  commitment: Type.Array(PriceRow),
  infrastructure: Type.Array(PriceRow),
  total_count: Type.Integer(),
  price_book_version: Type.String(),
});
export type AllPrices = Static<typeof AllPrices>;

/** The prices of all flows in force on a day; with `include_inactive` every version there is. */
export async function allPrices(
  asked: { org: OrgIdentity; query: AllPricesQuery },
  ports: ObservedPorts,
): Promise<AllPrices> {
  const { org, query } = asked;
  const provider = query.provider === undefined ? undefined : await priceProvider(query.provider);
  const at = dayAsked(query.at, todayOf(ports));
  const { book, observed } = await shownBook(org, ports);
  const rows = query.include_inactive
    ? await everyRow({ org, book, provider, observed }, ports)
    : flows.flatMap((flow) => rowsInForce(book, { org, flow, provider, at, observed }));
  const of = (flow: string): PriceRow[] => rows.filter((row) => row.flow === flow);
  return {
    org_slug: org.slug,
    payg: of("payg"),
    commitment: of("commitment"),
    infrastructure: of("infrastructure"),
    total_count: rows.length,
    price_book_version: book.version,
  };
}

async function everyRow(
  by: { org: OrgIdentity; book: PriceBook; provider: string | undefined; observed: ObservedDissent },
  ports: ObservedPorts,
): Promise<PriceRow[]> {
  const { org, book, provider, observed } = by;
  const all = flows.flatMap((flow) => book.all(flow));
  const own = await ownOf(org, ports.documents);
  const shown = { org, today: todayOf(ports), others: all, observed };
  return [...all.filter(({ scope }) => scope === "platform"), ...own]
    .filter((version) => provider === undefined || version.provider === provider)
    .sort(byModelAndDay)
    .map((version) => versionRow(version, shown));
}

export const FlowQuery = strictObject({
  provider: optional(plainText(1, 50)),
  at: optional(day()),
  ...offsetPaging(50),
});
export type FlowQuery = Static<typeof FlowQuery>;

export const FlowPrices = strictObject({
  org_slug: Type.String(),
  flow: Type.String(),
  pricing: Type.Array(PriceRow),
  count: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type FlowPrices = Static<typeof FlowPrices>;

/** The prices of one flow in force on a day, a page. */
export async function flowPrices(
  asked: { org: OrgIdentity; flow: string; query: FlowQuery },
  ports: ObservedPorts,
): Promise<FlowPrices> {
  const { org, query } = asked;
  const flow = flowOf(asked.flow);
  const provider = query.provider === undefined ? undefined : await priceProvider(query.provider);
  const at = dayAsked(query.at, todayOf(ports));
  const { book, observed } = await shownBook(org, ports);
  const rows = rowsInForce(book, { org, flow, provider, at, observed });
  const page = paged(rows, query);
  return { org_slug: org.slug, flow, pricing: page.items, count: page.items.length, next_cursor: page.next };
}

export const HistoryQuery = strictObject({ provider: optional(plainText(1, 50)), region: optional(plainText(1, 50)) });
export type HistoryQuery = Static<typeof HistoryQuery>;

export const PriceHistory = strictObject({
  org_slug: Type.String(),
  flow: Type.String(),
  identifier: Type.String(),
  versions: Type.Array(PriceRow),
  count: Type.Integer(),
});
export type PriceHistory = Static<typeof PriceHistory>;

/** Every version of one price, withdrawn ones too, with who wrote and who withdrew it. */
export async function priceHistory(
  asked: { org: OrgIdentity; flow: string; identifier: string; query: HistoryQuery },
  ports: ObservedPorts,
): Promise<PriceHistory> {
  const { org, query } = asked;
  const flow = flowOf(asked.flow);
  const modelId = identifierOf(asked.identifier);
  const { book, observed } = await shownBook(org, ports);
  const ever = await ownOf(org, ports.documents);
  const provider =
    query.provider === undefined
      ? onlyProvider({ flow, modelId }, { book, ever })
      : await priceProvider(query.provider);
  const found = (await versionsOf({ flow, provider, modelId }, { org, book }, ports)).filter(
    ({ region }) => query.region === undefined || region === query.region,
  );
  refuseNone(found);
  const shown = { org, today: todayOf(ports), others: book.all(flow, provider), observed };
  const versions = found.map((version) => versionRow(version, shown));
  return { org_slug: org.slug, flow, identifier: asked.identifier, versions, count: versions.length };
}

function refuseNone(found: readonly unknown[]): void {
  if (found.length === 0) throw new AppError("PRICE_NOT_FOUND", "There is no such price.");
}
