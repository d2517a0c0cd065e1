import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { anyOrganizationNamed } from "#shared/organizations/organization-named.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { clearDropped, dropOwnDataset, refuseForeignDataset, requestDrop } from "./drop-dataset.ts";
import { drainRuns, endOrganization } from "./end-organization.ts";

export const DeletionRequest = strictObject({
  confirm_org_slug: plainText(1, 100, { description: "The slug exactly as it is stored" }),
  delete_dataset: Type.Optional(Type.Boolean({ description: "The operator only; owners use data rights" })),
});
export type DeletionRequest = Static<typeof DeletionRequest>;

export const DeletionAnswer = strictObject({
  org_slug: Type.String(),
  status: Type.Literal("DELETED"),
  deleted_from_tables: Type.Array(Type.String(), { description: "History tables that got a last row" }),
  dataset_deleted: Type.Boolean(),
  purge_after: Type.String({ format: "date-time" }),
  message: Type.String(),
});
export type DeletionAnswer = Static<typeof DeletionAnswer>;

export type DeletionPorts = { documents: Documents; topics: Topics; warehouse: Warehouse } & Surroundings;

interface Asked {
  org: OrgIdentity;
  request: DeletionRequest;
  isEndedBefore: boolean;
}

/**
 * Ends an organization: state, keys, invites, credentials, subscription and open runs in one transaction; its data stays
 * until the purge 30 days later. With `delete_dataset` the dataset is dropped afterwards, if it is this organization's:
 * a foreign one is `DATASET_NOT_OURS` before anything happens. On a deleted organization only that still does something.
 * Source: `organizations.md` 3.
 */
export async function deleteOrganization(
  asked: { slug: string; caller: Caller; request: DeletionRequest },
  effects: Effects<DeletionAnswer>,
  given: DeletionPorts,
): Promise<DeletionAnswer> {
  const { caller, request } = asked;
  const { identity: org, org: stored } = await anyOrganizationNamed(asked.slug, given.documents);
  const dropsDataset = request.delete_dataset === true;
  if (stored.state !== "ACTIVE" && !(stored.state === "DELETED" && dropsDataset))
    throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  if (dropsDataset && caller.kind !== "root")
    throw new AppError("FORBIDDEN", "Only the platform's operator deletes the dataset here; owners use data rights.");
  refuseUnconfirmed(request, stored.slug);
  if (dropsDataset) await refuseForeignDataset(org, stored.dataset.id, given.warehouse);
  if (stored.state === "ACTIVE") await drainRuns(org, effects);
  const deletion = { org, request, isEndedBefore: stored.state === "DELETED" };
  return dropsDataset ? deleteWithDataset(deletion, effects, given) : deleteAlone(deletion, effects, given);
}

function deleteAlone(
  { org }: Asked,
  effects: Effects<DeletionAnswer>,
  given: Pick<Surroundings, "ids">,
): Promise<DeletionAnswer> {
  return effects.commit(async (change) => {
    const end = await endOrganization(org, change, { isEndedBefore: false, given });
    await effects.prepare(change);
    const ended = end();
    const message = "The organization is deleted; its dataset stays until its data is erased.";
    const answer = { ...answerOf(org, ended), dataset_deleted: false, message };
    effects.conclude(change, answer, {
      org,
      resourceId: org.orgId,
      details: { ...ended.details, delete_dataset: false },
    });
    return answer;
  });
}

/** Two transactions around the drop: the first leaves a timer that repeats it, the second takes it away. */
async function deleteWithDataset(
  { org, isEndedBefore }: Asked,
  effects: Effects<DeletionAnswer>,
  given: DeletionPorts,
): Promise<DeletionAnswer> {
  const ended = await effects.commit(async (change) => {
    const end = await endOrganization(org, change, { isEndedBefore, given });
    const request = await requestDrop(org, change);
    const done = end();
    request();
    effects.audit(change, { org, resourceId: org.orgId, details: { ...done.details, delete_dataset: true } });
    return done;
  });
  const isDropped = await dropOwnDataset(org, given).catch((error: unknown) => {
    given.log.error({ org: org.key, err: error }, "the dataset of a deleted organization is not dropped yet");
    if (!isAppError(error)) throw error;
    return false;
  });
  return effects.commit(async (change) => {
    const clear = await clearDropped(org, change);
    await effects.prepare(change);
    if (isDropped) clear();
    const message = isDropped
      ? "The organization and its dataset are deleted."
      : "The organization is deleted; dropping its dataset failed and is repeated until it is done.";
    const answer = { ...answerOf(org, ended), dataset_deleted: isDropped, message };
    effects.conclude(change, answer, { org, resourceId: org.orgId, isAudited: true });
    return answer;
  });
}

function answerOf(org: OrgIdentity, ended: { tables: string[]; purgeAfter: string }) {
  return {
    org_slug: org.slug,
    status: "DELETED" as const,
    deleted_from_tables: ended.tables,
    purge_after: ended.purgeAfter,
  };
}

function refuseUnconfirmed({ confirm_org_slug }: DeletionRequest, slug: string): void {
  if (confirm_org_slug === slug) return;
  throw new AppError("INVALID_BODY", "confirm_org_slug must be the slug exactly as it is stored.", {
    fields: [{ path: "/confirm_org_slug", problem: "is not the slug as it is stored" }],
  });
}
