import type { OrgIdentity } from "#shared/access/caller.ts";
import { plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { existingOrg, type OrgDocument, orgPath } from "./organization.ts";
import { profileHistory } from "./organization-history.ts";

/** An organization as one read found it, with what its subscription meant then. */
export interface ReadOrganization {
  org: OrgDocument;
  subscription: EffectiveSubscription;
  version: number;
  createdAt: string | undefined;
  /** The store's clock. */
  now: Date;
}

/** Reads the organization, inside a transaction or not; 404 where there is none. */
export async function readOrganization(
  org: Pick<OrgIdentity, "key">,
  tx: Pick<Transaction, "getAll">,
): Promise<ReadOrganization> {
  const [profile, subscription] = await tx.getAll<object>([orgPath(org.key), subscriptionPath(org)]);
  const now = profile?.readAt ?? new Date();
  const record = subscription?.body as SubscriptionDocument | undefined;
  return {
    org: existingOrg(profile?.body as OrgDocument | undefined),
    subscription: effectiveSubscription(record, await plans(), now),
    version: profile?.version ?? 0,
    createdAt: profile?.createdAt,
    now,
  };
}

/** Writes the organization's document with its history row; answers what a read would find now. */
export function storeOrganization(read: ReadOrganization, next: OrgDocument, change: Change): ReadOrganization {
  const version = read.version + 1;
  change.set<OrgDocument>(orgPath(next.slug.toLowerCase()), next);
  const at = { version, createdAt: read.createdAt, now: read.now, operation: "UPDATE" as const };
  change.history(profileHistory(next, read.subscription, at));
  return { ...read, org: next, version };
}

/** Throws `VERSION_CONFLICT` when the caller has seen another version than the stored one. */
export function refuseOtherVersion(seen: number | undefined, read: ReadOrganization): void {
  if (seen === undefined || seen === read.version) return;
  throw new AppError("VERSION_CONFLICT", `The organization has changed: its version is ${read.version}.`, {
    fields: [{ path: "/version", problem: `is not ${read.version}` }],
  });
}
