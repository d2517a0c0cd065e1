import { loadMinorDigits } from "#shared/money/currencies.ts";
import { type Answer, type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { isLive } from "./plan.ts";
import { refuseInvalid } from "./plan-checks.ts";
import { addDays } from "./plan-days.ts";
import { dayProblems } from "./plan-terms.ts";
import type { PlanPorts, Written } from "./plan-writer.ts";
import {
  type Agreement,
  nameKey,
  type ProviderSubscriptionDocument,
  type ProviderSubscriptionVersion,
} from "./provider-subscription.ts";
import { type SubscriptionList, type SubscriptionRow, subscriptionRow } from "./subscription-answer.ts";
import {
  type AddSubscription,
  type AgreementChanges,
  changedAgreement,
  defaultAgreement,
  type UpdateSubscription,
} from "./subscription-fields.ts";
import { seededSubscriptions } from "./subscription-seeds.ts";
import { subscriptionVersion } from "./subscription-version.ts";
import { changeSubscriptions, type OnSubscriptions, type SubscriptionWriter } from "./subscription-writer.ts";
import { subscriptionNamed, withSeeds } from "./subscriptions-read.ts";

/** Adds a subscription with a provider. Throws `SUBSCRIPTION_EXISTS` for a name or id that is taken. */
export async function addSubscription(
  asked: OnSubscriptions & { request: AddSubscription },
  effects: Effects<SubscriptionRow>,
  given: PlanPorts,
): Promise<Answer<SubscriptionRow>> {
  return changeSubscriptions(asked, effects, given, (writer) => added(asked.request, writer));
}

async function added(request: AddSubscription, writer: SubscriptionWriter): Promise<Written<SubscriptionRow>> {
  const { subscription_id: id, subscription_name, start_date, end_date, ...changes } = request;
  const startDate = start_date ?? writer.today;
  const problems = dayProblems({ start_date, end_date }, writer.today);
  if (end_date != null && end_date < startDate)
    problems.push({ path: "/end_date", problem: "must not be before start_date" });
  const base = defaultAgreement(writer.organization.locale.defaultCurrency);
  const agreement = await checkedAgreement(base, changes, writer, problems);
  const name = subscription_name.normalize("NFC").trim();
  const isNamed = writer.all.some((known) => nameKey(known.name) === nameKey(name));
  if (isNamed || (id !== undefined && (await writer.isTaken(id))))
    throw new AppError("SUBSCRIPTION_EXISTS", "There is a subscription of this name or id; change it instead.");
  const empty = { subscriptionId: id ?? writer.newId(), provider: writer.provider, name, isCustom: true, versions: [] };
  const version = subscriptionVersion(empty, agreement, daysOf(startDate, end_date ?? null, writer), writer);
  const subscription = { ...empty, versions: [version] };
  writer.save(subscription);
  return {
    answer: new Reply(201, subscriptionRow(subscription, writer.org.slug, writer.today)),
    details: {
      action: "provider_subscription.added",
      resourceId: subscription.subscriptionId,
      details: { provider: writer.provider, name, start_date: startDate },
    },
  };
}

/** A new version from a day on, today unless said otherwise; one of the same day takes the other's place. */
export async function updateSubscription(
  asked: OnSubscriptions & { name: string; request: UpdateSubscription },
  effects: Effects<SubscriptionRow>,
  given: PlanPorts,
): Promise<Answer<SubscriptionRow>> {
  return changeSubscriptions(asked, effects, given, async (writer) => {
    const subscription = subscriptionNamed(writer.all, asked.name);
    return versioned(subscription, asked.request, writer);
  });
}

async function versioned(
  subscription: ProviderSubscriptionDocument,
  request: UpdateSubscription,
  writer: SubscriptionWriter,
): Promise<Written<SubscriptionRow>> {
  const { effective_date, end_date, ...changes } = request;
  const from = effective_date ?? writer.today;
  const last = chainOf(subscription).at(-1);
  const problems = dayProblems({ effective_date, end_date }, writer.today);
  if (Object.values(request).every((value) => value === undefined))
    problems.push({ path: "", problem: "must name what changes" });
  if (last !== undefined && from < last.startDate)
    problems.push({ path: "/effective_date", problem: `must not be before ${last.startDate}` });
  if (end_date != null && end_date < from)
    problems.push({ path: "/end_date", problem: "must not be before effective_date" });
  const base = last ?? subscription.versions.at(-1);
  const known = base?.agreement ?? defaultAgreement(writer.organization.locale.defaultCurrency);
  const agreement = await checkedAgreement(known, changes, writer, problems);
  const formerEnd = last?.endDate != null && last.endDate >= from ? last.endDate : null;
  const next = {
    ...subscriptionVersion(
      subscription,
      agreement,
      { ...daysOf(from, end_date === undefined ? formerEnd : end_date, writer), ...anchorOf(last, agreement, from) },
      writer,
    ),
    endedByHand: end_date === undefined && formerEnd !== null && (last?.endedByHand ?? false),
  };
  const versions = [...subscription.versions.map((version) => followed(version, last, next, writer)), next];
  const after = { ...subscription, isCustom: true, versions };
  writer.save(after);
  return {
    answer: subscriptionRow(after, writer.org.slug, writer.today, next),
    details: {
      action: "provider_subscription.versioned",
      resourceId: subscription.subscriptionId,
      details: { name: subscription.name, version: next.version, effective_date: from },
    },
  };
}

/** Goes on counting from the line's start while its rhythm stays and no day lies between. */
function anchorOf(
  last: ProviderSubscriptionVersion | undefined,
  agreement: Agreement,
  from: string,
): { anchorDate?: string } {
  const isContinued =
    last !== undefined &&
    (last.endDate === null || last.endDate >= addDays(from, -1)) &&
    last.agreement.billingPeriod === agreement.billingPeriod;
  return isContinued ? { anchorDate: last.anchorDate } : {};
}

function followed(
  version: ProviderSubscriptionVersion,
  last: ProviderSubscriptionVersion | undefined,
  next: ProviderSubscriptionVersion,
  { now }: SubscriptionWriter,
): ProviderSubscriptionVersion {
  if (version !== last) return version;
  if (version.startDate === next.startDate) return { ...version, withdrawnAt: now, updatedAt: now };
  if (version.endDate !== null && version.endDate < next.startDate) return version;
  return {
    ...version,
    endDate: addDays(next.startDate, -1),
    ...{ supersededOn: next.startDate, supersededBy: next.subscriptionId, updatedAt: now },
  };
}

/** Ends a subscription after a day; it is kept, and again changes nothing. */
export async function endSubscription(
  asked: OnSubscriptions & { name: string; endDate: string | undefined },
  effects: Effects<null>,
  given: PlanPorts,
): Promise<Answer<null>> {
  return changeSubscriptions(asked, effects, given, async (writer) => {
    const subscription = subscriptionNamed(writer.all, asked.name);
    refuseInvalid(dayProblems({ end_date: asked.endDate }, writer.today));
    const endDate = asked.endDate ?? writer.today;
    const first = chainOf(subscription)[0]?.startDate;
    if (first !== undefined && endDate < first && first <= writer.today)
      refuseInvalid([{ path: "/end_date", problem: `must not be before ${first}` }]);
    writer.save(endedAfter(subscription, endDate, writer));
    return {
      answer: new Reply(204, null),
      details: {
        action: "provider_subscription.ended",
        resourceId: subscription.subscriptionId,
        details: { name: subscription.name, end_date: endDate },
      },
    };
  });
}

/** Ends what the organization has added or changed; the provider's own tiers hold as they came. */
export async function resetSubscriptions(
  asked: OnSubscriptions,
  effects: Effects<SubscriptionList>,
  given: PlanPorts,
): Promise<Answer<SubscriptionList>> {
  return changeSubscriptions(asked, effects, given, async (writer) => {
    const own = writer.all.filter(({ isCustom }) => isCustom);
    const seeds = await seededSubscriptions(writer.provider, writer.organization.locale.defaultCurrency);
    const ended = own.map((subscription) => {
      const after = endedAfter(subscription, writer.today, writer);
      const seed = seeds.find(({ name }) => nameKey(name) === nameKey(subscription.name))?.versions[0];
      return seed === undefined ? after : seededAnew(after, seed.agreement, writer);
    });
    for (const subscription of ended) writer.save(subscription);
    const all = withSeeds(ended, seeds);
    const answer = {
      ...{ org_slug: writer.org.slug, provider: writer.provider },
      subscriptions: all.map((subscription) => subscriptionRow(subscription, writer.org.slug, writer.today)),
      ...{ count: all.length, next_cursor: null },
    };
    return {
      answer,
      details: {
        action: "provider_subscription.reset",
        resourceId: writer.provider,
        details: { ended: own.length },
      },
    };
  });
}

/** A tier that was changed holds as it came, from the day after its last. */
function seededAnew(
  subscription: ProviderSubscriptionDocument,
  agreement: Agreement,
  writer: SubscriptionWriter,
): ProviderSubscriptionDocument {
  const last = chainOf(subscription).at(-1)?.endDate ?? null;
  const from = last === null || last < writer.today ? writer.today : addDays(last, 1);
  const version = subscriptionVersion(subscription, agreement, daysOf(from, null, writer), writer);
  return { ...subscription, isCustom: false, versions: [...subscription.versions, version] };
}

function endedAfter(
  subscription: ProviderSubscriptionDocument,
  endDate: string,
  { now }: SubscriptionWriter,
): ProviderSubscriptionDocument {
  const versions = subscription.versions.map((version) => {
    if (!isLive(version) || (version.endDate !== null && version.endDate <= endDate)) return version;
    const last = version.startDate > endDate ? addDays(version.startDate, -1) : endDate;
    return { ...version, endDate: last, endedByHand: true, updatedAt: now };
  });
  return { ...subscription, isCustom: true, versions };
}

function chainOf({ versions }: ProviderSubscriptionDocument): ProviderSubscriptionVersion[] {
  return versions.filter(isLive).sort((a, b) => (a.startDate < b.startDate ? -1 : 1));
}

function daysOf(startDate: string, endDate: string | null, { organization }: SubscriptionWriter) {
  return { startDate, endDate, fiscalYearStartMonth: organization.locale.fiscalYearStartMonth };
}

async function checkedAgreement(
  base: Agreement,
  changes: AgreementChanges,
  writer: SubscriptionWriter,
  further: readonly FieldProblem[],
): Promise<Agreement> {
  const problems = [...further];
  const agreement = changedAgreement(base, changes, await loadMinorDigits(), problems);
  refuseInvalid(problems);
  const entity = changes.hierarchy_entity_id;
  return entity == null ? agreement : { ...agreement, hierarchyEntityId: await writer.entityNamed(entity) };
}
