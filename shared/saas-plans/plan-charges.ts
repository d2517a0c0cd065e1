import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { headPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead } from "#shared/ledger/ledger.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { dayOfMonth, monthNumber } from "./plan-days.ts";

export const plansPipelineId = "saas-cost-subscription-costs";

/** Days that a change publishes anew; null where it reaches none. */
export const Restates = nullable(
  strictObject({
    from: Type.String(),
    to: Type.String(),
    closed_months: Type.Array(
      Type.String({ description: "Stay as they are; the difference is booked as an adjustment" }),
    ),
  }),
);
export type Restates = Static<typeof Restates>;

/** What a change from a day on does to days up to today; read before the transaction writes. */
export async function restatedDays(
  org: OrgIdentity,
  from: string | null,
  today: string,
  tx: Pick<Transaction, "getAll">,
): Promise<Restates> {
  if (from === null || from > today) return null;
  const months = Array.from({ length: monthNumber(today) - monthNumber(from) + 1 }, (_, at) =>
    dayOfMonth(monthNumber(from) + at, 1).slice(0, 7),
  );
  const heads = await tx.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  const isClosed = (head: MonthHead | undefined): boolean => head !== undefined && String(head.state) === "closed";
  return { from, to: today, closed_months: months.filter((_, at) => isClosed(heads[at]?.body)) };
}

/** Asks for the run that publishes the days from the first changed one to today; days to come are the daily run's. */
export function requestCharges(
  org: OrgIdentity,
  asked: { from: string | null; today: string; reason: string },
  change: Change,
): void {
  const { from, today, reason } = asked;
  if (from === null || from > today) return;
  const payload = { v: 1, kind: "run.request", org: org.key, pipeline_id: plansPipelineId, from, reason };
  change.publish(
    { topic: "pipeline-saas", payload, attributes: { org: org.key, pipeline: plansPipelineId, kind: "run.request" } },
    org,
  );
}
