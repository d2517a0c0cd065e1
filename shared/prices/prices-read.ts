import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type PriceInForce, priceInForce } from "./look-up.ts";
import { type ModelMatch, matchRules } from "./model-match.ts";
import { normalisedModel } from "./model-name.ts";
import { type ObservedDissent, shownBook } from "./observed-rates.ts";
import type { ObservedPorts } from "./observed-skus.ts";
import { offsetPaging, paged } from "./offset-page.ts";
import type { Flow, PriceVersion } from "./price.ts";
import { inForceRow, PriceRow, versionRow } from "./price-answer.ts";
import type { PriceBook } from "./price-book.ts";
import { dayProblems } from "./price-days.ts";
import { day } from "./price-fields.ts";
import { identifierOf, priceProvider } from "./price-providers.ts";
import type { BookPorts } from "./releases.ts";
import { everywhere } from "./versions.ts";
import { ownOf } from "./versions-read.ts";

const optional = Type.Optional;

export const PriceListQuery = strictObject({
  include_custom: Type.Boolean({ default: true }),
  is_enabled: optional(Type.Boolean()),
  model_id: optional(plainText(1, 200)),
  region: optional(plainText(1, 50)),
  at: optional(day({ description: "UTC day the prices are in force on; today" })),
  include_history: Type.Boolean({ default: false }),
  ...offsetPaging(500),
});
export type PriceListQuery = Static<typeof PriceListQuery>;

export const PriceList = strictObject({
  org_slug: Type.String(),
  provider: Type.String(),
  pricing: Type.Array(PriceRow),
  count: Type.Integer(),
  next_cursor: nullable(Type.String()),
  price_book_version: Type.String(),
});
export type PriceList = Static<typeof PriceList>;

/** The prices of a provider in force on a day, by model and region; with `include_history` every version. */
export async function providerPrices(
  asked: { org: OrgIdentity; provider: string; query: PriceListQuery },
  ports: ObservedPorts,
): Promise<PriceList> {
  const provider = await priceProvider(asked.provider);
  const { org, query } = asked;
  const today = todayOf(ports);
  const at = dayAsked(query.at, today);
  const { book, observed } = await shownBook(org, ports);
  const history = query.include_history ? await ownOf(org, ports.documents) : undefined;
  return listRows(book, { org, provider, at, today, query, history, observed });
}

/** The same of a book at hand. */
export function listRows(
  book: PriceBook,
  asked: {
    org: Pick<OrgIdentity, "slug">;
    provider: string;
    at: string;
    today: string;
    query?: PriceListQuery;
    history?: readonly PriceVersion[] | undefined;
    observed?: ObservedDissent;
  },
): PriceList {
  const { org, provider, query, history } = asked;
  const rows = history === undefined ? rowsInForce(book, { ...asked, flow: "payg" }) : allRows(book, asked, history);
  const chosen = rows.filter((row) => isChosen(row, provider, query));
  const page = paged(chosen, query);
  return {
    org_slug: org.slug,
    provider,
    pricing: page.items,
    count: page.items.length,
    next_cursor: page.next,
    price_book_version: book.version,
  };
}

/** One row per model and region: what holds on the day, the organization's own over the platform's. */
export function rowsInForce(
  book: PriceBook,
  asked: {
    org: Pick<OrgIdentity, "slug">;
    flow: Flow;
    provider?: string | undefined;
    at: string;
    observed?: ObservedDissent;
  },
): PriceRow[] {
  const all = book.all(asked.flow, asked.provider);
  const shown = { ...shownIn(asked), today: asked.at, others: all };
  const places = new Map<string, PriceVersion>();
  for (const version of all) {
    const name = normalisedModel(version.provider, version.modelId);
    places.set(JSON.stringify([version.provider, name, version.region, version.commitmentType]), version);
  }
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { flow, provider, modelId, region }]) => {
      const found = priceInForce(book, { flow, provider, model: modelId, day: asked.at, region });
      return found === undefined || found.isInherited || found.row.region !== region ? [] : [inForceRow(found, shown)];
    });
}

/** Every version there is, withdrawn, ended and future ones too. */
function allRows(
  book: PriceBook,
  asked: { org: Pick<OrgIdentity, "slug">; provider: string; today: string; observed?: ObservedDissent },
  own: readonly PriceVersion[],
): PriceRow[] {
  const all = book.all("payg", asked.provider);
  const shown = { ...shownIn(asked), today: asked.today, others: all };
  const ended = own.filter((version) => version.flow === "payg" && version.provider === asked.provider);
  const platform = all.filter(({ scope }) => scope === "platform");
  return [...platform, ...ended].sort(byModelAndDay).map((version) => versionRow(version, shown));
}

function shownIn({ org, observed }: { org: Pick<OrgIdentity, "slug">; observed?: ObservedDissent }) {
  return { org, ...(observed === undefined ? {} : { observed }) };
}

export function byModelAndDay(a: PriceVersion, b: PriceVersion): number {
  const place = ({ provider, modelId, region, effectiveFrom, createdAt, priceId }: PriceVersion): string =>
    JSON.stringify([provider, modelId, region, effectiveFrom, createdAt, priceId]);
  return place(a) < place(b) ? -1 : 1;
}

function isChosen(row: PriceRow, provider: string, query: PriceListQuery | undefined): boolean {
  if (query === undefined) return true;
  const isWanted = query.include_custom || !(row.is_custom || row.is_override);
  const wanted = query.model_id === undefined ? undefined : normalisedModel(provider, query.model_id);
  return (
    isWanted &&
    (wanted === undefined || normalisedModel(provider, row.model_id ?? "") === wanted) &&
    (query.region === undefined || row.region === query.region) &&
    (query.is_enabled === undefined || row.is_enabled === query.is_enabled)
  );
}

export const PriceQuery = strictObject({ at: optional(day()), region: optional(plainText(1, 50)) });
export type PriceQuery = Static<typeof PriceQuery>;

export const Match = nullable(
  strictObject({
    rule: Type.Union(matchRules.map((rule) => Type.Literal(rule))),
    from: Type.String(),
    model_id: Type.String(),
    provider: Type.String(),
  }),
);

export const PriceDetail = Type.Intersect([
  PriceRow,
  Type.Object({ versions: Type.Array(PriceRow), match: Match, price_book_version: Type.String() }),
]);
export type PriceDetail = Static<typeof PriceDetail>;

/** The price that a model name means on a day, how it was found, and every version of its model. */
export async function providerPrice(
  asked: { org: OrgIdentity; provider: string; model: string; query: PriceQuery },
  ports: ObservedPorts,
): Promise<PriceDetail> {
  const provider = await priceProvider(asked.provider);
  const model = identifierOf(asked.model);
  const today = todayOf(ports);
  const at = dayAsked(asked.query.at, today);
  const { book, observed } = await shownBook(asked.org, ports);
  const found = priceInForce(book, {
    flow: "payg",
    provider,
    model,
    day: at,
    region: asked.query.region ?? everywhere,
  });
  if (found === undefined) throw new AppError("PRICE_NOT_FOUND", "This model has no price on that day.");
  return {
    ...(await detailOf(found, { org: asked.org, at, today, book, observed }, ports)),
    price_book_version: book.version,
  };
}

async function detailOf(
  found: PriceInForce,
  at: { org: OrgIdentity; at: string; today: string; book: PriceBook; observed: ObservedDissent },
  ports: BookPorts,
): Promise<Omit<PriceDetail, "price_book_version">> {
  const { provider, modelId } = found.match;
  const all = at.book.all("payg", provider);
  const shown = { org: at.org, today: at.today, others: all, observed: at.observed };
  const versions = await versionsOf({ flow: "payg", provider, modelId }, at, ports);
  return {
    ...inForceRow(found, { ...shown, today: at.at }),
    versions: versions.map((version) => versionRow(version, shown)),
    match: matchAnswer(found.match),
  };
}

/** All versions of a model: the platform's, and the organization's with the withdrawn ones. */
export async function versionsOf(
  place: { flow: Flow; provider: string; modelId: string },
  { org, book }: { org: OrgIdentity; book: PriceBook },
  ports: BookPorts,
): Promise<PriceVersion[]> {
  const name = normalisedModel(place.provider, place.modelId);
  const platform = book.versions(place.flow, place.provider, name).filter(({ scope }) => scope === "platform");
  const own = (await ownOf(org, ports.documents)).filter(
    ({ flow, provider, modelId }) =>
      flow === place.flow && provider === place.provider && normalisedModel(provider, modelId) === name,
  );
  return [...platform, ...own].sort(byModelAndDay);
}

export function matchAnswer(match: ModelMatch | undefined): Static<typeof Match> {
  return match === undefined
    ? null
    : { rule: match.rule, from: match.from, model_id: match.modelId, provider: match.provider };
}

/** The UTC day of the process's clock. */
export function todayOf({ clock }: Pick<BookPorts, "clock">): string {
  return clock.now().toISOString().slice(0, 10);
}

/** A day of a query within the days prices may have; 400 otherwise. */
export function dayAsked(at: string | undefined, today: string): string {
  const [problem] = dayProblems({ effective_from: at }, today);
  if (problem === undefined) return at ?? today;
  throw new AppError("INVALID_PARAMETER", `at ${problem.problem}.`, {
    fields: [{ path: "/at", problem: problem.problem }],
  });
}
