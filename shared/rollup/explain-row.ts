import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { rowAttributes } from "#shared/costs/entity-frame.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, type CostRead, openRead } from "#shared/costs/read-summary.ts";
import { usageOfMonth } from "#shared/costs/usage-lines.ts";
import { type AllocationState, allocationState } from "#shared/entity-references/allocation-input.ts";
import type { AllocationInput } from "#shared/hierarchy/allocate.ts";
import { ExplainRequest, type Explanation, explained, keyOfRequest } from "#shared/hierarchy/allocation-read.ts";
import type { AssignmentKey } from "#shared/hierarchy/assignment-key.ts";
import { batchDaysOf } from "#shared/ledger/current-batches.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";

/** How far back a row is looked for. */
const searchedDays = 400;

const { charge_date: chargeDate, ...attributes } = ExplainRequest.properties;
export const ExplainRowRequest = strictObject({
  charge_date: Type.Optional(chargeDate),
  ...attributes,
  batch_id: Type.Optional(plainText(1, 200, { description: "With row: a published row in place of attributes" })),
  row: Type.Optional(plainText(1, 200, { description: "x_row_id of the row" })),
});
export type ExplainRowRequest = Static<typeof ExplainRowRequest>;

/**
 * Every step that a row is put through: one with these attributes, or a published one. Throws `ROW_NOT_FOUND` for a row
 * that is not current, `INVALID_BODY`, and as the costs room's reads.
 */
export async function explainRow(
  { org, request }: { org: OrgIdentity; request: ExplainRowRequest },
  ports: CostPorts,
): Promise<Explanation> {
  const { batch_id: batchId, row, charge_date, ...given } = request;
  const today = ports.clock.now().toISOString().slice(0, 10);
  if (batchId === undefined && row === undefined) {
    if (charge_date === undefined) throw invalid("/charge_date", "is required without batch_id and row");
    const key = keyOfRequest({ ...given, charge_date });
    return explained(key, await inputOf(org, key.day <= today ? key.day : undefined, ports));
  }
  if (batchId === undefined || row === undefined) throw invalid("/batch_id", "goes with row, and row with it");
  if (charge_date !== undefined || Object.keys(given).length > 0)
    throw invalid("/batch_id", "stands in place of attributes");
  const key = await publishedKey({ org, batchId, row }, ports);
  return explained(key, await inputOf(org, key.day, ports));
}

function invalid(path: string, problem: string): AppError {
  return new AppError("INVALID_BODY", `${path} ${problem}.`, { fields: [{ path, problem }] });
}

/** The allocation with the usage of a day that is not in the future. */
async function inputOf(org: OrgIdentity, day: string | undefined, ports: CostPorts): Promise<AllocationInput> {
  if (day === undefined) return (await allocationState(org, { ...ports, now: ports.clock.now() })).input;
  const facts = await platformFacts();
  const read = await openRead({ org, query: { start_date: day, end_date: day }, byEntity: true }, ports, facts);
  const usage = usageOfMonth(stateOf(read).input, day.slice(0, 7), read.snapshot.months);
  const { warehouse } = ports;
  return usage.read({ datasetId: read.document.dataset.id, warehouse, tables: facts.usageTables });
}

function stateOf({ allocation }: CostRead): AllocationState {
  if (allocation === undefined) throw new Error("a read by entity without allocation");
  return allocation;
}

async function publishedKey(
  { org, batchId, row }: { org: OrgIdentity; batchId: string; row: string },
  ports: CostPorts,
): Promise<AssignmentKey> {
  const facts = await platformFacts();
  const read = await openRead({ org, query: { days: searchedDays } }, ports, facts);
  const days = read.snapshot.months.flatMap((month) => month.days);
  const parts = batchDaysOf(days, facts.costTable.name).filter((part) => part.batchId === batchId);
  const source = { datasetId: read.document.dataset.id, table: facts.costTable };
  const key = parts.length === 0 ? undefined : await rowAttributes(source, { parts, row, warehouse: ports.warehouse });
  if (key === undefined) throw new AppError("ROW_NOT_FOUND", "There is no such current row.");
  return key;
}
