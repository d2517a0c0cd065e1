import { type Static, Type } from "@sinclair/typebox";
import { day } from "#shared/prices/price-fields.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";

/** What a repricing is asked for, shown and kept as. Source: `prices-and-plans.md` A8. */

const names = (maxItems: number) => Type.Array(plainText(1, 200), { maxItems });

export const RepriceRequest = strictObject({
  start_date: day({ description: "First UTC day" }),
  end_date: day({ description: "Last UTC day, at most 400 days with the first" }),
  providers: Type.Optional(names(50)),
  models: Type.Optional(names(500)),
  price_date: Type.Optional(day({ description: "At the prices of this UTC day; a scenario that cannot be applied" })),
  price_book_version: Type.Optional(plainText(1, 30)),
  model_map: Type.Optional(
    Type.Record(plainText(1, 200), plainText(1, 200), {
      maxProperties: 100,
      description: "As if the usage of one model were another's; a scenario that cannot be applied",
    }),
  ),
});
export type RepriceRequest = Static<typeof RepriceRequest>;

const text = Type.String();
const Currency = nullable(text);
const Amount = nullable(Type.String({ description: "Exact decimal text; null where the amount is unknown" }));

export const CurrencyTotals = strictObject({ currency: text, old_total: text, new_total: text, difference: text });
export type CurrencyTotals = Static<typeof CurrencyTotals>;

const sums = { currency: text, old_cost: text, new_cost: text, difference: text };
const RepriceDay = strictObject({ day: text, ...sums });
const RepriceModel = strictObject({ provider: text, model_id: nullable(text), ...sums });

export const RepriceRow = strictObject({
  day: text,
  provider: text,
  model_id: nullable(text),
  meter: text,
  quantity: text,
  old_currency: Currency,
  new_currency: Currency,
  old_cost: Amount,
  new_cost: Amount,
  difference: Amount,
  old_price_id: nullable(text),
  new_price_id: nullable(text),
  counted: Type.Boolean({ description: "False: the provider reports the money, this stands beside it" }),
});
export type RepriceRow = Static<typeof RepriceRow>;

const UnpricedLine = strictObject({
  provider: text,
  model_id: nullable(text),
  meter: text,
  days: Type.Integer(),
  quantity: text,
});

const lists = {
  by_day: Type.Array(RepriceDay),
  by_model: Type.Array(RepriceModel),
  rows: Type.Array(RepriceRow),
  newly_priced: Type.Array(UnpricedLine),
  still_unpriced: Type.Array(UnpricedLine),
};

const summary = {
  currency: Type.Union([text, Type.Null()], { description: "Null where the money is in several currencies" }),
  old_total: Amount,
  new_total: Amount,
  difference: Amount,
  totals_by_currency: Type.Array(CurrencyTotals),
  rows_truncated: Type.Boolean(),
  closed_months: Type.Array(text),
  untouched_provider_reported: Type.Array(CurrencyTotals, {
    description: "Computed beside money that the provider reports: what is computed moves, what counts does not",
  }),
};

export const RepricePreview = strictObject({
  preview_id: text,
  org_slug: text,
  created_at: text,
  expires_at: text,
  start_date: text,
  end_date: text,
  price_book_version: text,
  is_scenario: Type.Boolean(),
  ...summary,
  ...lists,
});
export type RepricePreview = Static<typeof RepricePreview>;

export const RepriceAnswer = strictObject({
  ...RepricePreview.properties,
  state: text,
  run_id: nullable(text),
  applied_at: nullable(text),
  applied_by: nullable(text),
});
export type RepriceAnswer = Static<typeof RepriceAnswer>;

export const RepriceApplyRequest = strictObject({
  closed_months: Type.Union([Type.Literal("adjust"), Type.Literal("skip")], { default: "adjust" }),
});
export type RepriceApplyRequest = Static<typeof RepriceApplyRequest>;

export const RepriceApplied = strictObject({ run_id: text, preview_id: text, org_slug: text, status: text });
export type RepriceApplied = Static<typeof RepriceApplied>;

/** The lists of a preview, which may be long. */
export type RepriceLists = Pick<RepricePreview, keyof typeof lists>;
export type RepriceSummary = Pick<RepricePreview, keyof typeof summary>;
export const listNames = Object.keys(lists) as (keyof RepriceLists)[];

/** What a repricing is limited to and priced with, as understood. */
export interface RepriceScope {
  start: string;
  end: string;
  /** Registry ids. */
  providers: string[] | null;
  /** As asked; compared as the price book compares names. */
  models: string[] | null;
  priceDay: string | null;
  modelMap: Record<string, string>;
}

/** A published day as it stood when it was previewed: only such a day is published anew. */
export interface FrozenDay {
  pipelineId: string;
  source: string;
  day: string;
  content: string;
}

/** Document `orgs/{key}/reprices/{id}`. Its lists lie in `pages/{nnnn}` below it. */
export interface RepriceDocument {
  repriceId: string;
  scope: RepriceScope;
  /** The version usage is priced with; written out where the current one was asked for. */
  priceBookVersion: string;
  /** True where the current version was asked for: then a newer one makes the preview stale. */
  isCurrentBook: boolean;
  ledgerEpoch: number;
  /** By month of the range; 0 where nothing was published. */
  ledgerVersions: Record<string, number>;
  summary: RepriceSummary;
  pages: number;
  createdAt: string;
  createdBy: string;
  expiresAt: string;
  runId: string | null;
  closedMonths: "adjust" | "skip" | null;
  appliedAt: string | null;
  appliedBy: string | null;
  /** Only of what was never applied. */
  expireAt?: string;
}

export interface RepricePage {
  list: keyof RepriceLists | "days";
  items: unknown[];
}
