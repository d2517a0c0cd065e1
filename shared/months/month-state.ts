import { type Static, Type } from "@sinclair/typebox";
import type { MonthHead } from "#shared/ledger/ledger.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

const count = Type.Integer({ minimum: 0 });

/** Whether a month is closed, by whom and at which version: the answer of what closes and reopens it. */
export const MonthState = strictObject({
  month: Type.String(),
  status: choice(["open", "settling", "closed"]),
  version: count,
  closed_at: nullable(Type.String({ format: "date-time" })),
  closed_by: nullable(Type.String()),
  note: nullable(Type.String()),
  fx_version: nullable(Type.String()),
  close_count: count,
});
export type MonthState = Static<typeof MonthState>;

export function monthState(month: string, head: MonthHead, today: string): MonthState {
  const closing = head.state === "closed" ? head.closing : undefined;
  return {
    month,
    status: head.state === "closed" ? "closed" : isOver(month, today) ? "settling" : "open",
    version: head.ledgerVersion,
    closed_at: closing?.at ?? null,
    closed_by: closing?.by ?? null,
    note: closing?.note ?? null,
    fx_version: closing?.fxVersion ?? null,
    close_count: head.closeCount ?? 0,
  };
}

/** Whether the last day of the month lies before today, UTC. */
export function isOver(month: string, today: string): boolean {
  return month < today.slice(0, 7);
}

const monthForm = /^(19|20)\d{2}-(0[1-9]|1[0-2])$/;

/** The month that an address names; anything else is no address: 404 `MONTH_NOT_FOUND`. */
export function monthNamed(text: string): string {
  if (monthForm.test(text)) return text;
  throw new AppError("MONTH_NOT_FOUND", "There is no such month: it is written YYYY-MM.");
}

/** A month that a parameter gives; 400 `INVALID_DATE` for anything else. */
export function monthGiven(text: string, path: string): string {
  if (monthForm.test(text)) return text;
  throw new AppError("INVALID_DATE", "A month is written YYYY-MM.", {
    fields: [{ path, problem: "is not a month YYYY-MM" }],
  });
}
