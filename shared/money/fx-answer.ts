import { type Static, Type } from "@sinclair/typebox";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { FxRate } from "./fx.ts";

const Code = Type.String({ pattern: "^[A-Z]{3}$" });
const Rate = Type.String({ pattern: "^\\d+(\\.\\d+)?$", description: "1 `from` in `to`, at most 12 decimals" });

/** A dated rate as answers show it. */
export const FxUsed = strictObject({
  from: Code,
  to: Code,
  rate: Rate,
  rate_date: Type.String({ format: "date" }),
  source: Type.String(),
  method: Type.Unsafe<FxRate["method"]>(Type.String({ enum: ["org", "bill", "market", "seed"] })),
  carried: Type.Boolean({ description: "The rate is of an earlier day" }),
  stale: Type.Boolean({ description: "FX_STALE: no set within five days before; or an approximate seed" }),
});

/** The rates of one pair together, where an answer used too many to list. */
export const FxSpan = strictObject({
  from: Code,
  to: Code,
  min_rate: Rate,
  max_rate: Rate,
  days: Type.Integer({ description: "Days converted" }),
  carried: Type.Boolean({ description: "One of the rates is of an earlier day" }),
  stale: Type.Boolean({ description: "FX_STALE for one of the rates" }),
});

/** `fx[]` of an answer: every rate used, or one entry per pair where they are more than 100. Source: costs.md 4. */
export const FxShown = Type.Array(Type.Union([FxUsed, FxSpan]));
export type FxShown = Static<typeof FxShown>;

/** A code as people type it; refused unless the platform knows its minor unit (`CURRENCY_UNKNOWN`). */
export function currencyCode(text: string, known: ReadonlyMap<string, number>, path: string): string {
  const code = text.toUpperCase();
  if (known.has(code)) return code;
  throw new AppError("CURRENCY_UNKNOWN", `${JSON.stringify(text.slice(0, 20))} is not a currency of the platform.`, {
    fields: [{ path, problem: "is not an ISO 4217 code of the platform" }],
  });
}
