import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  type SubscriptionStatus,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "./errors.ts";

/**
 * What a function of an organization asks of its subscription (`organizations.md` 5, last table): `running` - ACTIVE or
 * TRIAL; `readable` - until 30 days after its end; `any` - billing, key revoke, member removal, export, deletion.
 */
export type SubscriptionNeed = "running" | "readable" | "any";

interface StoredSubscription {
  document: SubscriptionDocument | undefined;
}

/** As old as a cached key may be: a change is in force everywhere within it. */
const cacheMilliseconds = 10_000;
const caches = new WeakMap<Documents, LRUCache<string, StoredSubscription>>();

/** What an admitted organization's plan allows. */
export interface AdmittedPlan {
  requestsPerMinute: number;
}

/**
 * The plan in force now, or 403 `SUBSCRIPTION_INACTIVE`, naming the status and the way out. The record that admits may be
 * up to 10 s old (what must be exact asks again in its transaction), the one that refuses is fresh; the passing of time
 * counts at once.
 */
export async function admittedPlan(
  need: SubscriptionNeed,
  org: OrgIdentity,
  by: { documents: Documents; clock: Clock },
): Promise<AdmittedPlan> {
  const catalogue = await plans();
  const cache = cacheOf(by.documents);
  const known = cache.get(org.orgId);
  if (known !== undefined) {
    const effective = effectiveSubscription(known.document, catalogue, by.clock.now());
    if (isAdmitted(need, effective)) return { requestsPerMinute: catalogue[effective.plan].requests_per_minute };
  }
  const { body: document } = await by.documents.get<SubscriptionDocument>(subscriptionPath(org));
  cache.set(org.orgId, { document });
  const effective = effectiveSubscription(document, catalogue, by.clock.now());
  refuseInactive(need, effective);
  return { requestsPerMinute: catalogue[effective.plan].requests_per_minute };
}

function isAdmitted(need: SubscriptionNeed, { canRun, canRead }: EffectiveSubscription): boolean {
  return need === "any" || canRun || (need === "readable" && canRead);
}

/** For what has read the subscription in its own transaction. Throws as `admittedPlan`. */
export function refuseInactive(need: SubscriptionNeed, effective: EffectiveSubscription): void {
  if (!isAdmitted(need, effective)) throw subscriptionInactive(effective);
}

/** The one refusal of a subscription that is neither ACTIVE nor TRIAL: it names the status and the way out. */
export function subscriptionInactive({ status, canRead, readOnlyUntil }: EffectiveSubscription): AppError {
  const reads = canRead ? "Reading goes on" : "Reading has ended";
  const until = readOnlyUntil === null ? "" : ` ${canRead ? "until" : "on"} ${readOnlyUntil}`;
  const message = `The subscription is ${status}: ${waysOut[status]} ${reads}${until}.`;
  const fields = [{ path: "/subscription/status", problem: `is ${status}` }];
  return new AppError("SUBSCRIPTION_INACTIVE", message, { fields });
}

const waysOut: Record<SubscriptionStatus, string> = {
  ACTIVE: "",
  TRIAL: "",
  SUSPENDED: "settle what is open under billing, or ask the platform's operator.",
  CANCELLED: "choose a plan under billing to start again.",
  EXPIRED: "renew it with the platform's operator, or choose a plan under billing.",
};

function cacheOf(documents: Documents): LRUCache<string, StoredSubscription> {
  let cache = caches.get(documents);
  if (cache === undefined) {
    cache = new LRUCache<string, StoredSubscription>({ max: 1000, ttl: cacheMilliseconds });
    caches.set(documents, cache);
  }
  return cache;
}
