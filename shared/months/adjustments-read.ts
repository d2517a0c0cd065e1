import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { adjustmentsOf, type FoundAdjustment } from "#shared/ledger/adjustments.ts";
import { headPath } from "#shared/ledger/current-batches.ts";
import { emptyHead, type MonthHead, monthOf } from "#shared/ledger/ledger.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { AdjustmentAnswer, adjustmentAnswer, adjustmentColumns } from "./adjustment-answer.ts";
import { monthNamed } from "./month-state.ts";

export const AdjustmentsQuery = strictObject(paging());
type AdjustmentsQuery = Static<typeof AdjustmentsQuery>;

export const AdjustmentList = strictObject({
  month: Type.String(),
  adjustments: Type.Array(AdjustmentAnswer),
  next_cursor: nullable(Type.String()),
});
type AdjustmentList = Static<typeof AdjustmentList>;

/** The rows in force that correct a month, by the day they lie on. 404 `MONTH_NOT_FOUND`, 400 `INVALID_CURSOR`. */
export async function listAdjustments(
  asked: { org: OrgIdentity; month: string; query: AdjustmentsQuery },
  { documents, warehouse }: { documents: Documents; warehouse: Warehouse },
): Promise<AdjustmentList> {
  const { org, query } = asked;
  const month = monthNamed(asked.month);
  const after = query.cursor === undefined ? "" : readCursor(query.cursor, org);
  const organization = existingOrg((await documents.get<OrgDocument>(orgPath(org.key))).body);
  const epoch = organization.ledgerEpoch;
  const stored = (await documents.get<MonthHead>(headPath(org, month))).body;
  const head = stored?.epoch === epoch ? stored : emptyHead(epoch);
  const { adjustments } = await adjustmentsOf({ org, epoch, month }, head, documents);
  const rows = await rowsOfAll(
    adjustments,
    { org, epoch, datasetId: organization.dataset.id },
    { documents, warehouse },
  );
  const left = rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).filter((row) => keyOf(row) > after);
  const page = left.slice(0, query.limit);
  const last = page.at(-1);
  return { month, adjustments: page, next_cursor: left.length > page.length && last ? cursorOf(last, org) : null };
}

async function rowsOfAll(
  adjustments: readonly FoundAdjustment[],
  { org, epoch, datasetId }: { org: OrgIdentity; epoch: number; datasetId: string },
  { documents, warehouse }: { documents: Documents; warehouse: Warehouse },
): Promise<AdjustmentAnswer[]> {
  if (adjustments.length === 0) return [];
  const { costTable: table, minorDigits: digits } = await platformFacts();
  const months = [...new Set(adjustments.flatMap(({ d }) => Object.keys(d).map(monthOf)))];
  const heads = await documents.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  const isFinal = (day: string): boolean => {
    const head = heads[months.indexOf(monthOf(day))]?.body;
    return head?.epoch === epoch && head.state === "closed";
  };
  const pairs = adjustments.map(({ batchId, d }) => ({ batchId, days: Object.keys(d) }));
  const byBatch = new Map(adjustments.map((adjustment) => [adjustment.batchId, adjustment]));
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  const frame = await warehouse.read({ datasetId, table }, pairs, [...adjustmentColumns, "x_batch_id"]);
  return rowsOf(frame, table).flatMap((row) => {
    const own = byBatch.get(String(row["x_batch_id"]));
    return own === undefined
      ? []
      : [adjustmentAnswer(row, own, { isFinal: isFinal(String(row["x_charge_date"])), digits })];
  });
}

function keyOf({ effective_date, row_id }: AdjustmentAnswer): string {
  return `${effective_date} ${row_id}`;
}

function cursorOf(last: AdjustmentAnswer, org: OrgIdentity): string {
  return Buffer.from(`${org.key}|${keyOf(last)}`).toString("base64url");
}

function readCursor(cursor: string, org: OrgIdentity): string {
  const [key, after, ...rest] = Buffer.from(cursor, "base64url").toString().split("|");
  if (key === org.key && after !== undefined && rest.length === 0 && /^\d{4}-\d{2}-\d{2} [0-9a-f]{32}$/.test(after))
    return after;
  throw new AppError("INVALID_CURSOR", "The cursor is not one of this list.", {
    fields: [{ path: "/cursor", problem: "is not one of this list" }],
  });
}
