import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { applySubscription, readSubscription } from "#shared/billing/apply-subscription.ts";
import { ownerReminderTimer } from "#shared/members/owner-reminder.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { plans } from "#shared/plans/plans.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { quotaReport } from "#shared/quotas/quota-report.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { readSubscriptionAnswer } from "./subscription-answer.ts";
import { announceReadOnlyEnd, endTrial, recordEnd } from "./subscription-ends.ts";

let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeEach(async () => {
  world = await startWorld({ now: "2028-02-20T10:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterEach(() => world.stop());

const handlers = {
  "trial-end": endTrial,
  "grace-end": recordEnd,
  "contract-end": recordEnd,
  "read-only-end": announceReadOnlyEnd,
};
const tick = () => takeDueTimers(handlers, { ...ports, commit: (body) => commitChange(body, ports) });

async function organization(plan: string, changed: Partial<SubscriptionDocument> = {}): Promise<OrgIdentity> {
  const { org } = await world.onboarded("Ending", plan);
  const catalogue = await plans();
  if (Object.keys(changed).length > 0)
    await commitChange(async (change) => {
      const read = await readSubscription(org, change);
      if (read.body === undefined) throw new Error("no subscription");
      applySubscription(
        org,
        read,
        { ...read.body, ...changed },
        { change, catalogue, trialUsed: plan === "PROFESSIONAL" },
      );
    }, ports);
  return org;
}

const stored = async (org: OrgIdentity) =>
  (await ports.documents.get<SubscriptionDocument>(subscriptionPath(org))).body;
const actionsOf = (org: OrgIdentity) =>
  pathsBelow(documents, `orgs/${org.key}/audit/`).map((path) => String(documents.stored.get(path)?.["action"]));
const announced = () =>
  pathsBelow(documents, "outbox/")
    .map((path) => documents.stored.get(path))
    .filter((message) => message?.["topic"] === "entitlements-changed")
    .map((message) => (message?.["payload"] as { plan: string; status: string }) ?? {})
    .map(({ plan, status }) => `${plan} ${status}`);

inEveryTimeZone(() => {
  it("a trial that was onboarded 2028-02-20T10:00Z ends 14 x 24 h later, the same before and after the timer", async () => {
    const org = await organization("PROFESSIONAL", { overrides: { daily: 500 } });
    world.clock.set("2028-03-05T09:59:59.999Z");
    const early = await tick();
    const last = await readSubscriptionAnswer(org, ports.documents);
    world.clock.set("2028-03-05T10:00:00.000Z");
    const over = await readSubscriptionAnswer(org, ports.documents);
    const quota = await quotaReport(org, ports.documents);

    const [taken, takenAgain] = [await tick(), await tick()];

    const after = await readSubscriptionAnswer(org, ports.documents);
    expect(last).toMatchObject({
      plan_name: "PROFESSIONAL",
      status: "TRIAL",
      daily_limit: 500,
      trial_end_date: "2028-03-05",
    });
    expect(last.trial).toEqual({ active: true, ends_at: "2028-03-05T10:00:00.000Z", used: true, days_left: 1 });
    expect(over).toMatchObject({ plan_name: "FREE", status: "ACTIVE", daily_limit: 2, overrides: {} });
    expect(quota).toMatchObject({ plan_name: "FREE", daily_limit: 2 });
    expect({ ...after, stored_status: "", updated_at: "" }).toEqual({ ...over, stored_status: "", updated_at: "" });
    expect([early, taken, takenAgain]).toEqual([0, 1, 0]);
    expect(await stored(org)).toMatchObject({ plan: "FREE", status: "ACTIVE", overrides: {} });
    expect(actionsOf(org).filter((action) => action === "subscription.trial_expired")).toHaveLength(1);
  });
});

describe("a timer of a subscription", () => {
  it("ends a trial once when several ticks take it at the same moment", async () => {
    const org = await organization("PROFESSIONAL");
    world.clock.set("2028-03-05T10:04:00Z");

    await Promise.all(Array.from({ length: 5 }, tick));

    expect(actionsOf(org).filter((action) => action === "subscription.trial_expired")).toHaveLength(1);
    expect(await stored(org)).toMatchObject({ plan: "FREE", status: "ACTIVE" });
  });

  it("leaves a trial that was made longer alone, and a trial that Stripe charges for to Stripe", async () => {
    const org = await organization("PROFESSIONAL", { stripe: { subscriptionId: "sub_live" } });
    world.clock.set("2028-03-05T10:00:00Z");

    await tick();
    const waiting = await stored(org);
    world.clock.set("2028-03-06T10:00:00Z");
    await tick();

    expect(waiting).toMatchObject({ plan: "PROFESSIONAL", status: "TRIAL" });
    expect(await stored(org)).toMatchObject({ plan: "PROFESSIONAL", status: "TRIAL" });
    expect(announced().at(-1)).toBe("PROFESSIONAL SUSPENDED");
  });

  it.each([
    [
      "a grace",
      { status: "SUSPENDED" as const, graceEndsAt: "2028-03-01T00:00:00.000Z" },
      "STARTER SUSPENDED",
      "subscription.grace_ended",
    ],
    ["a contract", { endDate: "2028-02-29" }, "STARTER EXPIRED", "subscription.expired"],
  ])("records that %s is over, tells others, and 30 days later that reading is", async (_, changed, told, action) => {
    const org = await organization("STARTER", changed);
    const before = announced().length;

    world.clock.set("2028-02-29T23:59:59.999Z");
    const early = await tick();
    world.clock.set("2028-03-01T00:00:00Z");
    await tick();
    const atEnd = announced().slice(before);
    world.clock.set("2028-03-31T00:00:00Z");
    await tick();

    expect([early, atEnd]).toEqual([0, [told]]);
    expect(announced().slice(before)).toEqual([told, told]);
    expect(actionsOf(org).filter((each) => each === action)).toHaveLength(1);
    expect((await stored(org))?.readOnlyUntil).toBe("2028-03-31T00:00:00.000Z");
  });
});

describe("taking timers", () => {
  it("goes on behind one that fails, which stays", async () => {
    const org = await organization("PROFESSIONAL");
    await ports.documents.transaction(async (tx) => {
      const timer = { kind: "unknown", org: null, dueAt: "2028-01-01T00:00:00.000Z", payload: {} };
      for (const id of ["a", "b"]) tx.create(`timers/unknown:${id}`, timer);
    });
    const errors: unknown[] = [];
    const log = { ...ports.log, error: (fields: object) => errors.push(fields) };
    world.clock.set("2028-03-05T10:00:00Z");

    const taken = { ...handlers, [ownerReminderTimer]: async () => "done" as const };
    const settled = await takeDueTimers(taken, { ...ports, log, commit: (body) => commitChange(body, ports) });

    expect([settled, errors.length]).toEqual([2, 2]);
    expect(await stored(org)).toMatchObject({ plan: "FREE" });
    expect(pathsBelow(documents, "timers/unknown:")).toHaveLength(2);
  });
});
