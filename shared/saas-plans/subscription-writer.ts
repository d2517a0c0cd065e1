import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { entityToName } from "#shared/hierarchy/entity-reference.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { cycleCost } from "./amortisation.ts";
import { type WhenPlanned, withNewPlan } from "./first-plan.ts";
import { isLive } from "./plan.ts";
import { requestCharges } from "./plan-charges.ts";
import { addDays, earliestDay, utcDay } from "./plan-days.ts";
import { subscriptionMirrorRow } from "./plan-mirror.ts";
import { agreementsOf } from "./plan-store.ts";
import { actorOf, type PlanPorts, type Written } from "./plan-writer.ts";
import {
  type ProviderSubscriptionDocument,
  type ProviderSubscriptionVersion,
  providerSubscriptionPath,
} from "./provider-subscription.ts";
import { seededSubscriptions } from "./subscription-seeds.ts";
import { subscribedProvider, withSeeds } from "./subscriptions-read.ts";

/** Who asks for something to be done with the subscriptions to a provider. */
export interface OnSubscriptions {
  org: OrgIdentity;
  caller: Caller;
  provider: string;
  whenPlanned?: WhenPlanned;
}

/** One write to an organization's subscriptions with one provider. */
export interface SubscriptionWriter {
  org: OrgIdentity;
  organization: OrgDocument;
  provider: string;
  now: string;
  by: string;
  today: string;
  /** As they stand, seeds that nobody has touched among them. */
  all: readonly ProviderSubscriptionDocument[];
  newId(): string;
  /** The stored id of an active entity. Throws `HIERARCHY_ENTITY_UNKNOWN`. */
  entityNamed(text: string): Promise<string>;
  /** Whether an id that somebody chose is taken, by whichever provider. */
  isTaken(subscriptionId: string): Promise<boolean>;
  save(subscription: ProviderSubscriptionDocument): void;
}

/**
 * One write in one transaction: the subscriptions, the mirror's rows, the audit row, and the request for the run that
 * publishes the days it changes. Writes to one provider's subscriptions follow each other, because each reads them all.
 */
export async function changeSubscriptions<T>(
  asked: OnSubscriptions,
  effects: Effects<T>,
  given: PlanPorts,
  body: (writer: SubscriptionWriter) => Promise<Written<T>>,
): Promise<Answer<T>> {
  const { org } = asked;
  const provider = await subscribedProvider(asked.provider);
  return effects.commit(async (change) => {
    const { body: organization } = await change.get<OrgDocument>(orgPath(org.key));
    if (organization === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
    const stored = await allDocuments<ProviderSubscriptionDocument>(agreementsOf(org, provider), change);
    const seeds = await seededSubscriptions(provider, organization.locale.defaultCurrency);
    const saved = new Map<string, ProviderSubscriptionDocument>();
    const today = utcDay(change.now);
    const writer: SubscriptionWriter = {
      ...{ org, organization, provider, today },
      ...{ now: change.now.toISOString(), by: actorOf(asked.caller) },
      all: withSeeds(
        stored.map((snapshot) => snapshot.body),
        seeds,
      ),
      newId: () => given.ids.newId("psub"),
      entityNamed: (text) => entityToName({ org, text, path: "/hierarchy_entity_id" }, change),
      isTaken: async (id) => (await change.get(providerSubscriptionPath(org, id))).body !== undefined,
      save: (subscription) => saved.set(subscription.subscriptionId, subscription),
    };
    const { answer, details } = await body(writer);
    const known = new Map(stored.map((snapshot) => [snapshot.body.subscriptionId, snapshot]));
    const isNew = [...saved.values()].some(({ subscriptionId, versions }) => {
      return versions.length > (known.get(subscriptionId)?.body.versions.length ?? 0);
    });
    const writeMore = await withNewPlan(org, { isNew, whenPlanned: asked.whenPlanned }, change);
    await effects.prepare(change);
    const from = write({ org, datasetId: organization.dataset.id, known, saved, ids: given.ids }, change);
    requestCharges(org, { from, today, reason: String(details.action ?? "provider subscriptions") }, change);
    writeMore();
    effects.conclude(change, answer, details);
    return answer;
  });
}

/** Answers the first day on which a charge moves. */
function write(
  at: {
    org: OrgIdentity;
    datasetId: string;
    known: ReadonlyMap<string, { body: ProviderSubscriptionDocument; version: number }>;
    saved: ReadonlyMap<string, ProviderSubscriptionDocument>;
    ids: Surroundings["ids"];
  },
  change: Change,
): string | null {
  const now = change.now.toISOString();
  const changed = [...at.saved.values()].map((subscription) => {
    const known = at.known.get(subscription.subscriptionId);
    const path = providerSubscriptionPath(at.org, subscription.subscriptionId);
    if (known === undefined) change.create<ProviderSubscriptionDocument>(path, subscription);
    else change.set<ProviderSubscriptionDocument>(path, subscription);
    const before = known?.body.versions ?? [];
    const versions = subscription.versions.filter((version) => !before.includes(version));
    const rows = versions.map((version) =>
      subscriptionMirrorRow(version, { documentVersion: (known?.version ?? 0) + 1, eventId: at.ids.newId("evt"), now }),
    );
    if (rows.length > 0) change.journal(at.datasetId, "saas_subscription_plans", rows);
    return movedFrom(before, subscription.versions);
  });
  return earliestDay(changed);
}

function movedFrom(
  before: readonly ProviderSubscriptionVersion[],
  after: readonly ProviderSubscriptionVersion[],
): string | null {
  return earliestDay(
    after.map((version) => {
      const old = before.find(({ subscriptionId }) => subscriptionId === version.subscriptionId);
      const [was, is] = [old, version].map((each) => (each !== undefined && isCostly(each) ? each : undefined));
      if (was === undefined || is === undefined) return (was ?? is)?.startDate ?? null;
      if (was.endDate === is.endDate) return null;
      const last = earliestDay([was.endDate, is.endDate]);
      return last === null ? null : addDays(last, 1);
    }),
  );
}

function isCostly(version: ProviderSubscriptionVersion): boolean {
  return isLive(version) && cycleCost(version)?.cost.isZero() !== true;
}
