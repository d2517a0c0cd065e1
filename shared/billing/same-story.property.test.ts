import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { type Interruption, interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type DeletionAnswer, deleteOrganization } from "#shared/offboarding/delete-organization.ts";
import { onboard } from "#shared/organizations/onboarding.ts";
import type { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { SubscriptionUpdateAnswer } from "#shared/organizations/subscription-answer.ts";
import { announceReadOnlyEnd, endTrial, recordEnd } from "#shared/organizations/subscription-ends.ts";
import { type SubscriptionRequest, updateSubscription } from "#shared/organizations/subscription-update.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { planNames, plans } from "#shared/plans/plans.ts";
import { type SubscriptionDocument, subscriptionStatuses } from "#shared/plans/subscription.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { accountBeside, type BillingAccount, billingAccountPath } from "./account.ts";
import { applySubscription, readSubscription } from "./apply-subscription.ts";
import { contradictions, listeningDocuments } from "./same-story.fixture.ts";

/** What may happen to an organization and moves its subscription. */
type Step =
  | { what: "onboard"; plan: string; isUpperCase: boolean }
  | { what: "interrupted"; plan: string; how: Interruption; at: number }
  | { what: "update"; request: SubscriptionRequest; trialDays: number | null }
  | { what: "charged"; status: SubscriptionDocument["status"] }
  | { what: "wait"; days: number }
  | { what: "delete" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant("onboard" as const), plan: fc.constantFrom(...planNames), isUpperCase: fc.boolean() }),
  fc.record({
    what: fc.constant("interrupted" as const),
    plan: fc.constantFrom(...planNames),
    how: fc.constantFrom(...interruptions),
    at: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({
    what: fc.constant("update" as const),
    trialDays: fc.option(fc.integer({ min: 1, max: 30 })),
    request: fc.record<SubscriptionRequest>(
      {
        plan_name: fc.constantFrom(...planNames),
        status: fc.constantFrom(...subscriptionStatuses),
        daily_limit: fc.constantFrom(null, 0, 7),
        subscription_end_date: fc.constantFrom(null, "2028-02-29", "2028-12-31"),
        reset_to_plan: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ what: fc.constant("charged" as const), status: fc.constantFrom(...subscriptionStatuses) }),
  fc.record({ what: fc.constant("wait" as const), days: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ what: fc.constant("delete" as const) }),
);

let world: World;
let ports: EnginePorts;
let heard: string[];
let slug = "Story";
let count = 0;
beforeAll(async () => {
  world = await startWorld({ now: "2028-02-20T10:00:00Z" });
  const listening = listeningDocuments(world.ports.documents, () => slug.toLowerCase());
  heard = listening.heard;
  ports = { ...world.ports, documents: listening.documents };
}, 60_000);
afterAll(() => world.stop());

function begin(): void {
  count += 1;
  slug = `Story_${count}`;
  heard.length = 0;
}

const asked = (plan: string, name = slug) => ({
  org_slug: name,
  company_name: "Story Inc.",
  admin_email: "story@example.com",
  subscription_plan: plan,
});
const onboarded = (plan: string, name = slug, by = ports) =>
  onboard(asked(plan, name), auditedEffects<OnboardingReport>("organization.onboarded", by), by);
const deleted = () => {
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const request = { slug, caller, request: { confirm_org_slug: slug } };
  return deleteOrganization(request, auditedEffects<DeletionAnswer>("organization.deleted", ports), ports);
};
const stored = async <T extends object>(path: string) => (await ports.documents.get<T>(path)).body;
const accountOf = () => stored<BillingAccount>(billingAccountPath({ key: slug.toLowerCase() }));

async function active(): Promise<OrgIdentity | undefined> {
  const org = await stored<OrgDocument>(`orgs/${slug.toLowerCase()}`);
  return org?.state === "ACTIVE" ? { slug: org.slug, key: slug.toLowerCase(), orgId: org.orgId } : undefined;
}

/** Stripe begins to charge, with what it says; the account is the billing room's to fill. */
async function charged(org: OrgIdentity, status: SubscriptionDocument["status"]): Promise<void> {
  const catalogue = await plans();
  await commitChange(async (change) => {
    const read = await readSubscription(org, change);
    const profile = await change.get<OrgDocument>(`orgs/${org.key}`);
    if (read.body === undefined || profile.body === undefined) throw new Error("no organization");
    const trialEndsAt = new Date(read.readAt.getTime() + 86_400_000).toISOString();
    const next = { ...read.body, status, trialEndsAt, stripe: { subscriptionId: "sub_stripe" } };
    const { trialUsed } = applySubscription(org, read, next, { change, catalogue, ...profile.body });
    change.set<OrgDocument>(`orgs/${org.key}`, { ...profile.body, trialUsed });
  }, ports);
}

const handlers = {
  "trial-end": endTrial,
  "grace-end": recordEnd,
  "contract-end": recordEnd,
  "read-only-end": announceReadOnlyEnd,
};

async function done(now: Step): Promise<unknown> {
  const org = await active();
  if (now.what === "onboard") return onboarded(now.plan, now.isUpperCase ? slug.toUpperCase() : slug);
  if (now.what === "delete") return deleted();
  if (now.what === "wait") {
    world.clock.advance(now.days * 86_400);
    return takeDueTimers(handlers, { ...ports, commit: (body) => commitChange(body, ports) });
  }
  if (now.what === "interrupted") {
    const interrupted = interruptedAt(now.at, now.how, ports);
    await untilInterrupted(onboarded(now.plan, slug, interrupted.ports), interrupted.crashed);
    return world.clock.advance(301);
  }
  if (org === undefined) return undefined;
  if (now.what === "charged") return charged(org, now.status);
  const { trialDays, request } = now;
  const end = new Date(world.clock.now().getTime() + (trialDays ?? 0) * 86_400_000).toISOString();
  const wished = trialDays === null ? request : { ...request, trial_ends_at: end };
  const effects = auditedEffects<SubscriptionUpdateAnswer>("subscription.updated", ports);
  return updateSubscription({ org, request: wished }, effects);
}

async function happened(steps: readonly Step[]): Promise<void> {
  for (const now of steps)
    await done(now).catch((error: unknown) => {
      // What is refused has changed nothing, which the next commit shows.
      if (!isAppError(error)) throw error;
    });
}

// billing.md 1: "A test asserts at every commit that account and subscription record tell the same story."
describe("account and subscription record", () => {
  it("tell the same story after every commit of any history", { timeout: 240_000 }, async () => {
    const history = fc.array(step, { minLength: 3, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...planNames), history, async (plan, steps) => {
        begin();
        await happened([{ what: "onboard", plan, isUpperCase: false }, ...steps]);

        expect(heard).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("tell it through a trial that is given, moved, ended, and asked for again", async () => {
    begin();
    const began = world.clock.now().toISOString();
    const moved = new Date(world.clock.now().getTime() + 20 * 86_400_000).toISOString();

    await onboarded("PROFESSIONAL");
    const first = await accountOf();
    await done({ what: "update", request: {}, trialDays: 20 });
    const longer = await accountOf();
    await done({ what: "wait", days: 20 });
    const over = await accountOf();
    await deleted();
    await onboarded("PROFESSIONAL", slug.toUpperCase());
    const back = await accountOf();

    const end = new Date(Date.parse(began) + 14 * 86_400_000).toISOString();
    expect(first).toMatchObject({ trialUsedAt: began, periodStartAt: began, periodEndAt: end });
    expect(longer).toMatchObject({ trialUsedAt: began, periodStartAt: began, periodEndAt: moved });
    expect(over).toMatchObject({ trialUsedAt: began, periodStartAt: null, periodEndAt: null });
    expect(back).toMatchObject({ trialUsedAt: began, periodStartAt: null, periodEndAt: null, mode: "operator" });
    expect(heard).toEqual([]);
  });

  it("keep the instant at which a trial began that the operator gave later", async () => {
    begin();
    await onboarded("FREE");
    await done({ what: "wait", days: 3 });
    const given = world.clock.now().toISOString();
    await done({ what: "update", request: { plan_name: "PROFESSIONAL", status: "TRIAL" }, trialDays: 7 });
    await done({ what: "wait", days: 2 });

    await done({ what: "update", request: { plan_name: "SCALE" }, trialDays: null });

    expect(await accountOf()).toMatchObject({ trialUsedAt: given, periodEndAt: null });
    expect(heard).toEqual([]);
  });

  it("know the end of a contract, and no end once it is cancelled", async () => {
    begin();
    await onboarded("ENTERPRISE");

    await done({ what: "update", request: { subscription_end_date: "2030-02-28" }, trialDays: null });
    const contract = await accountOf();
    await deleted();

    expect(contract?.cancelsAt).toBe("2030-03-01T00:00:00.000Z");
    expect((await accountOf())?.cancelsAt).toBeNull();
    expect(heard).toEqual([]);
  });

  it("forget what Stripe said when it charges no more, and keep who paid", async () => {
    begin();
    const { org_id } = await onboarded("STARTER");
    const org = { slug, key: slug.toLowerCase(), orgId: org_id };
    await charged(org, "ACTIVE");
    const said: Partial<BillingAccount> = {
      ...{
        interval: "month",
        lookupKey: "ca_starter_month_usd",
        extraSeats: 2,
        periodEndAt: "2030-01-01T00:00:00.000Z",
      },
      ...{ firstPaidAt: "2029-12-01T00:00:00.000Z", scheduledPlan: "FREE", scheduledAt: "2030-01-01T00:00:00.000Z" },
    };
    await ports.documents.transaction(async (tx) => {
      const { body } = await tx.get<BillingAccount>(billingAccountPath(org));
      if (body !== undefined) tx.set<BillingAccount>(billingAccountPath(org), { ...body, ...said });
    });

    await charged(org, "ACTIVE");
    const paying = await accountOf();
    await charged(org, "CANCELLED");
    const cancelled = await accountOf();
    await deleted();
    await onboarded("FREE");

    expect(paying).toMatchObject({ ...said, mode: "stripe" });
    expect(cancelled).toMatchObject({ ...said, scheduledPlan: null, scheduledAt: null });
    expect(await accountOf()).toMatchObject({
      ...{ interval: null, lookupKey: null, extraSeats: 0, periodEndAt: null, firstPaidAt: said.firstPaidAt },
    });
    expect(heard).toEqual([]);
  });

  it("begin anew where a former company had the name: nothing of its account is taken over", async () => {
    begin();
    await onboarded("PROFESSIONAL");
    const theirs = await accountOf();
    const record = await stored<SubscriptionDocument>(`orgs/${slug.toLowerCase()}/subscription/current`);
    if (theirs === undefined || record === undefined) throw new Error("no account");
    const org = { slug, key: slug.toLowerCase(), orgId: "org_other" };
    const by = { org, now: world.clock.now(), currency: "usd", trialBegan: null };

    const own = accountBeside({ ...record, status: "ACTIVE" }, { ...theirs, firstPaidAt: "2027-01-01T00:00:00Z" }, by);

    expect(own).toMatchObject({ orgId: "org_other", trialUsedAt: null, firstPaidAt: null });
  });

  it("agree about a trial that is older than the account", async () => {
    begin();
    await onboarded("PROFESSIONAL");
    const path = billingAccountPath({ key: slug.toLowerCase() });
    await world.ports.documents.transaction(async (tx) => tx.delete(path));

    await done({ what: "update", request: { plan_name: "SCALE" }, trialDays: null });

    expect((await accountOf())?.trialUsedAt).not.toBeNull();
    expect(heard).toEqual([]);
  });

  it("are told apart by whoever listens: every contradiction is heard", async () => {
    begin();
    await onboarded("PROFESSIONAL");
    const path = billingAccountPath({ key: slug.toLowerCase() });
    const lies: Partial<BillingAccount>[] = [
      { orgId: "org_other" },
      { trialUsedAt: null },
      { periodEndAt: null },
      { periodStartAt: null },
      { cancelsAt: "2030-01-01T00:00:00.000Z" },
      { scheduledPlan: "FREE" },
      { lookupKey: "ca_starter_month_usd" },
      { extraSeats: 1 },
    ];
    const account = await accountOf();

    const deaf: unknown[] = [];
    for (const lie of lies) {
      heard.length = 0;
      await ports.documents.transaction(async (tx) => {
        await tx.get(path);
        tx.set(path, { ...account, ...lie });
      });
      if (heard.length === 0) deaf.push(lie);
    }

    expect(deaf).toEqual([]);
    expect(contradictions({ org: undefined, record: undefined, account })).not.toEqual([]);
  });
});
