import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import type { TimerDocument } from "#shared/timers/timers.ts";

const repeatMilliseconds = 86_400_000;

/** Payload of topic `org-purge`: the data of this deleted organization is to be erased now. */
export interface OrganizationPurge {
  /** Key of the organization. */
  org: string;
  org_id: string;
}

/** Asks for the erasure of a deleted organization's data, every day until it is erased or has come back. */
export async function requestPurge({ org: key }: TimerDocument, change: Change): Promise<Settled> {
  if (key === null) return "done";
  const { body, readAt } = await change.get<OrgDocument>(orgPath(key));
  if (body?.state !== "DELETED") return "done";
  const purgeAfter = body.purgeAfter ?? readAt.toISOString();
  if (Date.parse(purgeAfter) > readAt.getTime()) return { again: purgeAfter };
  const payload: OrganizationPurge = { org: key, org_id: body.orgId };
  change.publish({ topic: "org-purge", payload, attributes: { org: key } });
  return { again: new Date(readAt.getTime() + repeatMilliseconds).toISOString() };
}
