import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { commitmentOf } from "./commitment.ts";
import { utcDay } from "./plan-days.ts";
import { agreementsOf } from "./plan-store.ts";
import type { PlanReadPorts } from "./plans-read.ts";
import { currentVersion, nameKey, type ProviderSubscriptionDocument } from "./provider-subscription.ts";
import {
  type SubscriptionDetail,
  type SubscriptionList,
  type SubscriptionRow,
  subscriptionRow,
} from "./subscription-answer.ts";
import { seededSubscriptions } from "./subscription-seeds.ts";

const optional = Type.Optional;

export const SubscriptionsQuery = strictObject({
  include_custom: optional(Type.Boolean({ description: "Also those of the organization's own; true" })),
  is_enabled: optional(Type.Boolean({ description: "Only those that are active or pending, or only the others" })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 500 })),
  offset: optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
  cursor: optional(Type.String({ pattern: "^\\d{1,5}$" })),
});
type SubscriptionsQuery = Static<typeof SubscriptionsQuery>;

/** Registry id of a provider whose subscriptions are asked for. Throws `UNKNOWN_PROVIDER`. */
export async function subscribedProvider(asked: string): Promise<string> {
  return (await providers()).provider(asked).slug;
}

/** The tiers everybody has and the organization's own subscriptions; own ones stand in place of seeds of their name. */
export function withSeeds(
  stored: readonly ProviderSubscriptionDocument[],
  seeds: readonly ProviderSubscriptionDocument[],
): ProviderSubscriptionDocument[] {
  const names = new Set(stored.map(({ name }) => nameKey(name)));
  return [...seeds.filter(({ name }) => !names.has(nameKey(name))), ...stored];
}

/** By name, regardless of case, or id. Throws `SUBSCRIPTION_NOT_FOUND`. */
export function subscriptionNamed(
  all: readonly ProviderSubscriptionDocument[],
  asked: string,
): ProviderSubscriptionDocument {
  const found =
    all.find(({ name }) => nameKey(name) === nameKey(asked)) ??
    all.find(({ subscriptionId, versions }) =>
      [subscriptionId, ...versions.map((each) => each.subscriptionId)].includes(asked),
    );
  if (found === undefined) throw new AppError("SUBSCRIPTION_NOT_FOUND", "There is no such subscription.");
  return found;
}

export async function listSubscriptions(
  asked: { org: OrgIdentity; provider: string; query: SubscriptionsQuery },
  given: PlanReadPorts,
): Promise<SubscriptionList> {
  const { org, query } = asked;
  const provider = await subscribedProvider(asked.provider);
  const today = utcDay(given.clock.now());
  const all = (await subscriptionsOf(org, provider, given.documents))
    .map((subscription) => ({ subscription, row: subscriptionRow(subscription, org.slug, today) }))
    .filter(({ row }) => (query.include_custom ?? true) || !row.is_custom)
    .filter(({ row }) => query.is_enabled === undefined || row.is_enabled === query.is_enabled);
  const first = query.cursor === undefined ? (query.offset ?? 0) : Number(query.cursor);
  const last = first + (query.limit ?? 500);
  return {
    org_slug: org.slug,
    provider,
    subscriptions: await Promise.all(
      all.slice(first, last).map(({ subscription }) => fullRow(org, subscription, today, given.documents)),
    ),
    count: all.length,
    next_cursor: last < all.length ? String(last) : null,
  };
}

export async function getSubscription(
  asked: { org: OrgIdentity; provider: string; name: string },
  given: PlanReadPorts,
): Promise<SubscriptionDetail> {
  const { org } = asked;
  const provider = await subscribedProvider(asked.provider);
  const today = utcDay(given.clock.now());
  const subscription = subscriptionNamed(await subscriptionsOf(org, provider, given.documents), asked.name);
  return {
    ...(await fullRow(org, subscription, today, given.documents)),
    versions: subscription.versions.map((version) => subscriptionRow(subscription, org.slug, today, version)),
  };
}

async function fullRow(
  org: OrgIdentity,
  subscription: ProviderSubscriptionDocument,
  today: string,
  documents: Documents,
): Promise<SubscriptionRow> {
  const version = currentVersion(subscription, today);
  const commitment = version === undefined ? undefined : await commitmentOf(org, version, today, documents);
  return { ...subscriptionRow(subscription, org.slug, today), ...(commitment === undefined ? {} : { commitment }) };
}

async function subscriptionsOf(
  org: OrgIdentity,
  provider: string,
  documents: Documents,
): Promise<ProviderSubscriptionDocument[]> {
  const [{ body }, stored] = await Promise.all([
    documents.get<OrgDocument>(orgPath(org.key)),
    allDocuments<ProviderSubscriptionDocument>(agreementsOf(org, provider), documents),
  ]);
  const seeds = await seededSubscriptions(provider, body?.locale.defaultCurrency ?? "USD");
  return withSeeds(
    stored.map((snapshot) => snapshot.body),
    seeds,
  );
}
