import type { DimensionsOf } from "../group.ts";

/** Dimensions that OpenAI can group or filter by. */
export type Dimension =
  | "project_id"
  | "api_key_id"
  | "user_id"
  | "model"
  | "batch"
  | "service_tier"
  | "size"
  | "source"
  | "vector_store_id"
  | "context_level"
  | "line_item";

export type Dimensions = DimensionsOf<Dimension>;

/** Use of one endpoint by one set of dimensions on one UTC day. */
export interface UsageRow {
  readonly endpoint: string;
  readonly dimensions: Dimensions;
  /** Metric fields; completions hold the disjoint parts, totals are added when answered. */
  readonly counts: Readonly<Record<string, bigint>>;
}

/** One charge of one UTC day. */
export interface CostRow {
  readonly dimensions: Dimensions & { readonly line_item: string };
  /** 10^-12 of the currency. */
  readonly amount: bigint;
  /** 10^-12 of the unit; null where OpenAI states none. */
  readonly quantity: bigint | null;
  readonly quantityUnit: string | null;
  /** True when the price book has a list price for it, so that computed = reported. */
  readonly isListed: boolean;
  readonly kind: "usage" | "credit" | "adjustment";
}

export interface DayRows {
  readonly usage: UsageRow[];
  readonly costs: CostRow[];
}
