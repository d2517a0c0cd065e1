import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { datasetDropTimer } from "#shared/organizations/slug-lease.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import { setOrgTimer, type TimerDocument, timerPath } from "#shared/timers/timers.ts";

const repeatMilliseconds = 30 * 60_000;

/** Payload of topic `dataset-drop`. */
export const DatasetDrop = strictObject({ org: Type.String(), org_id: Type.String() });
export type DatasetDrop = Static<typeof DatasetDrop>;

/** Throws `DATASET_NOT_OURS` for a dataset that carries another label than the organization's id, or none. */
export async function refuseForeignDataset(org: OrgIdentity, datasetId: string, warehouse: Warehouse): Promise<void> {
  const dataset = await warehouse.describeDataset(datasetId);
  if (dataset === undefined || isOf(org.orgId, dataset.label)) return;
  throw new AppError("DATASET_NOT_OURS", "The dataset of this organization's name is not its own; nothing was done.");
}

/** Leaves the timer that repeats the drop until it is done; while it stands the organization cannot come back. */
export async function requestDrop(org: OrgIdentity, change: Change): Promise<() => void> {
  const { readAt } = await change.get<TimerDocument>(timerPath(datasetDropTimer, org.key));
  const dueAt = new Date(readAt.getTime() + repeatMilliseconds).toISOString();
  return () => setOrgTimer({ kind: datasetDropTimer, org: org.key, dueAt, payload: { org_id: org.orgId } }, change);
}

/** The dataset is gone: nothing repeats the drop any more. */
export async function clearDropped(org: Pick<OrgIdentity, "key">, change: Change): Promise<() => void> {
  await change.get<TimerDocument>(timerPath(datasetDropTimer, org.key));
  return () => change.delete(timerPath(datasetDropTimer, org.key));
}

/**
 * Drops the dataset of a deleted organization whose drop was asked for; answers whether it is gone. It never touches one
 * that is not its own, and none of an organization that lives: the timer that asks for the drop keeps it from coming back.
 */
export async function dropOwnDataset(
  org: Pick<OrgIdentity, "key" | "orgId">,
  { documents, warehouse }: { documents: Documents; warehouse: Warehouse },
): Promise<boolean> {
  const [stored, timer] = await documents.getAll<object>([orgPath(org.key), timerPath(datasetDropTimer, org.key)]);
  const body = stored?.body as OrgDocument | undefined;
  if (timer?.body === undefined || body?.state !== "DELETED" || body.orgId !== org.orgId) return false;
  const dataset = await warehouse.describeDataset(body.dataset.id);
  if (dataset === undefined) return true;
  if (!isOf(org.orgId, dataset.label))
    throw new AppError("DATASET_NOT_OURS", "The dataset of this organization's name is not its own.");
  await warehouse.dropDataset(body.dataset.id, org.orgId);
  return true;
}

/** Has the drop tried again, and looks again later; done when nobody asks for it any more. */
export async function repeatDrop(timer: TimerDocument, change: Change): Promise<Settled> {
  const { org: key, payload } = timer;
  if (key === null) return "done";
  const { body, readAt } = await change.get<OrgDocument>(orgPath(key));
  if (body?.state !== "DELETED" || body.orgId !== payload["org_id"]) return "done";
  const message: DatasetDrop = { org: key, org_id: body.orgId };
  change.publish({ topic: "dataset-drop", payload: message, attributes: { org: key } });
  return { again: new Date(readAt.getTime() + repeatMilliseconds).toISOString() };
}

/** Takes a message of `repeatDrop`: drops, takes the timer away and leaves the audit row, once however often it comes. */
export async function dropAgain(
  message: DatasetDrop,
  given: { documents: Documents; topics: Topics; warehouse: Warehouse } & Pick<Surroundings, "clock" | "ids">,
): Promise<void> {
  const org = { key: message.org, orgId: message.org_id };
  if (!(await dropOwnDataset(org, given))) return;
  await commitChange(async (change) => {
    const [stored, timer] = await change.getAll<object>([orgPath(org.key), timerPath(datasetDropTimer, org.key)]);
    const body = stored?.body as OrgDocument | undefined;
    if (timer?.body === undefined || body?.orgId !== org.orgId) return;
    change.delete(timerPath(datasetDropTimer, org.key));
    change.audit({
      org: { ...org, slug: body.slug },
      actorKind: "system",
      apiKeyId: null,
      userId: null,
      action: "organization.dataset_deleted",
      operation: "DELETE",
      resourceType: "dataset",
      resourceId: body.dataset.id,
      details: null,
      ipAddress: null,
      userAgent: null,
      requestId: null,
      status: "SUCCESS",
      errorMessage: null,
    });
  }, given);
}

/** Labels are kept in lower case. */
function isOf(orgId: string, label: string | undefined): boolean {
  return label?.toLowerCase() === orgId.toLowerCase();
}
