import { describe, expect, it } from "vitest";
import { plans } from "./plans.ts";
import { effectiveSubscription, type SubscriptionDocument } from "./subscription.ts";
import { inEveryTimeZone } from "./time-zones.fixture.ts";

const catalogue = await plans();
const effective = (stored: SubscriptionDocument | undefined, instant: string) =>
  effectiveSubscription(stored, catalogue, new Date(instant));

const active: SubscriptionDocument = {
  subscriptionId: "sub_01",
  plan: "STARTER",
  status: "ACTIVE",
  hold: false,
  overrides: {},
  trialEndsAt: null,
  graceEndsAt: null,
  endDate: null,
};
/** Onboarded 2028-02-20T10:00Z; 14 x 24 h, over a leap day. */
const trial: SubscriptionDocument = {
  ...active,
  plan: "PROFESSIONAL",
  status: "TRIAL",
  trialEndsAt: "2028-03-05T10:00:00.000Z",
  overrides: { daily: 500, seats: null },
};

// The table of `organizations.md` 5.
inEveryTimeZone(() => {
  describe("a local trial", () => {
    it("is TRIAL with its plan and overrides until its last millisecond", () => {
      const { overrides: _, ...withoutOverrides } = trial;

      expect(effective({ ...withoutOverrides, overrides: {} }, "2028-03-05T09:59:59.999Z")).toMatchObject({
        plan: "PROFESSIONAL",
        status: "TRIAL",
        canRun: true,
        limits: { daily: 20 },
      });
      expect(effective(trial, "2028-03-05T09:59:59.999Z").limits).toMatchObject({
        daily: 500,
        seats: null,
        providers: 10,
      });
    });

    it.each(["2028-03-05T10:00:00.000Z", "2028-03-06T10:00:00.000Z", "2038-01-01T00:00:00.000Z"])(
      "is ACTIVE FREE with 2 runs a day and no override at %s",
      (instant) => {
        const after = effective(trial, instant);

        expect(after).toMatchObject({
          plan: "FREE",
          status: "ACTIVE",
          canRun: true,
          overrides: {},
          readOnlyUntil: null,
        });
        expect(after.entitlements).toEqual(catalogue.FREE.entitlements);
        expect(after.limits).toMatchObject({ daily: 2, monthly: 60, concurrent: 1, seats: 1, providers: 1 });
      },
    );

    it("gives the same answer before and after it is made durable", () => {
      const durable: SubscriptionDocument = { ...active, plan: "FREE", status: "ACTIVE" };

      expect(effective(trial, "2028-03-05T10:00:00Z")).toEqual(effective(durable, "2028-03-05T10:00:00Z"));
    });
  });

  describe("a trial with a Stripe subscription", () => {
    const charged = { ...trial, stripe: { subscriptionId: "sub_stripe" } };

    it.each([
      ["2028-03-05T09:59:59.999Z", "TRIAL"],
      ["2028-03-05T10:00:00.000Z", "TRIAL"],
      ["2028-03-06T09:59:59.999Z", "TRIAL"],
      ["2028-03-06T10:00:00.000Z", "SUSPENDED"],
      ["2028-04-01T00:00:00.000Z", "SUSPENDED"],
    ])("is at %s %s, and keeps its plan", (instant, status) => {
      const { plan, limits, canRun, status: now } = effective(charged, instant);

      expect({ status: now, plan, daily: limits.daily, canRun }).toEqual({
        status,
        plan: "PROFESSIONAL",
        daily: 500,
        canRun: status === "TRIAL",
      });
    });

    it.each([null, { subscriptionId: null }])("that Stripe does not know (%j) ends like a local one", (stripe) => {
      expect(effective({ ...trial, stripe }, "2028-03-05T10:00:00Z")).toMatchObject({ plan: "FREE", status: "ACTIVE" });
    });
  });

  describe("a payment that is past due", () => {
    const pastDue: SubscriptionDocument = { ...active, status: "SUSPENDED", graceEndsAt: "2026-03-08T00:00:00.000Z" };

    it.each([
      ["2026-03-07T23:59:59.999Z", "ACTIVE", true],
      ["2026-03-08T00:00:00.000Z", "SUSPENDED", false],
    ])("is at %s %s", (instant, status, canRun) => {
      expect(effective(pastDue, instant)).toMatchObject({ plan: "STARTER", status, canRun });
    });

    it("is SUSPENDED at once without grace", () => {
      expect(effective({ ...pastDue, graceEndsAt: null }, "2026-03-01T00:00:00Z").status).toBe("SUSPENDED");
    });
  });

  it.each([
    ["2026-06-30T00:00:00.000Z", "ACTIVE"],
    ["2026-06-30T23:59:59.999Z", "ACTIVE"],
    ["2026-07-01T00:00:00.000Z", "EXPIRED"],
  ])("an ENTERPRISE contract that ends on 2026-06-30 is at %s %s", (instant, status) => {
    const contract: SubscriptionDocument = { ...active, plan: "ENTERPRISE", endDate: "2026-06-30" };

    expect(effective(contract, instant)).toMatchObject({ plan: "ENTERPRISE", status, canRun: status === "ACTIVE" });
  });
});

describe("reading", () => {
  const suspended: SubscriptionDocument = { ...active, status: "SUSPENDED" };

  it.each([
    ["a contract that is over", { ...active, endDate: "2026-06-30" }, "2026-07-31T00:00:00.000Z"],
    ["a grace that is over", { ...suspended, graceEndsAt: "2026-03-08T06:30:00.000Z" }, "2026-04-07T06:30:00.000Z"],
    [
      "a trial that Stripe left without a word for 24 h",
      { ...trial, stripe: { subscriptionId: "sub_stripe" } },
      "2028-04-05T10:00:00.000Z",
    ],
    ["a status that was set", { ...suspended, readOnlyUntil: "2026-09-01T00:00:00.000Z" }, "2026-09-01T00:00:00.000Z"],
  ] as const)("goes on for 30 days after %s, to the millisecond", (_, stored, end) => {
    const last = new Date(Date.parse(end) - 1).toISOString();

    expect(effective(stored, last)).toMatchObject({ canRun: false, canRead: true, readOnlyUntil: end });
    expect(effective(stored, end)).toMatchObject({ canRun: false, canRead: false, readOnlyUntil: end });
  });

  it.each([
    ["while it runs", active],
    ["where nobody knows since when it is suspended", suspended],
    ["of a record that is missing", undefined],
  ])("has no end %s", (_, stored) => {
    expect(effective(stored, "2026-05-05T10:00:00Z")).toMatchObject({ canRead: true, readOnlyUntil: null });
  });
});

describe("a subscription that is not to be trusted", () => {
  const now = "2026-05-05T10:00:00Z";

  it.each([
    ["a missing record", undefined],
    ["deletion requested", { ...active, hold: true }],
    ["deletion requested in a trial", { ...trial, hold: true, trialEndsAt: "2030-01-01T00:00:00Z" }],
    ["an unknown status", { ...active, status: "PAUSED" }],
    ["a status in small letters", { ...active, status: "active" }],
    ["no status", { ...active, status: undefined }],
    ["an unknown plan", { ...active, plan: "GOLD" }],
    ["a plan named like a property of every object", { ...active, plan: "constructor" }],
    ["a trial without an end", { ...trial, trialEndsAt: null }],
    ["a trial with an end that is no instant", { ...trial, trialEndsAt: "soon" }],
    ["a last day that is no day", { ...active, endDate: "never" }],
    ["no overrides", { ...active, overrides: null }],
    ["a limit that is no number", { ...active, overrides: { daily: "1000" } }],
    ["an empty record", {}],
  ])("is SUSPENDED and runs nothing: %s", (_, stored) => {
    const unread = effective(stored as SubscriptionDocument | undefined, now);

    expect(unread).toMatchObject({ status: "SUSPENDED", canRun: false });
    expect(Object.keys(catalogue)).toContain(unread.plan);
  });

  it.each([
    ["ACTIVE", true],
    ["CANCELLED", false],
    ["EXPIRED", false],
    ["SUSPENDED", false],
  ] as const)("stored as %s can run: %s", (status, canRun) => {
    expect(effective({ ...active, status }, now)).toMatchObject({ status, canRun });
  });
});

describe("limits", () => {
  const now = "2026-05-05T10:00:00Z";

  it("of the example PRO, 1000 a day, 25000 a month, are those and the plan's others", () => {
    const stored: SubscriptionDocument = {
      ...active,
      plan: "PROFESSIONAL",
      overrides: { daily: 1000, monthly: 25_000 },
    };

    expect(effective(stored, now).limits).toEqual({
      daily: 1000,
      monthly: 25_000,
      concurrent: 5,
      seats: 10,
      providers: 10,
    });
  });

  it("of null and 0 win over the plan", () => {
    const stored: SubscriptionDocument = { ...active, overrides: { daily: null, monthly: 0 } };

    expect(effective(stored, now).limits).toEqual({ ...catalogue.STARTER.limits, daily: null, monthly: 0 });
  });

  it.each([
    ["FREE", [2, 60, 1, 1, 1]],
    ["STARTER", [6, 180, 2, 2, 3]],
    ["PROFESSIONAL", [20, 600, 5, 10, 10]],
    ["SCALE", [null, null, 20, null, null]],
    ["ENTERPRISE", [null, null, 50, null, null]],
  ] as const)("of %s are %j: day, month, concurrent, seats, providers", (plan, expected) => {
    const { daily, monthly, concurrent, seats, providers } = effective({ ...active, plan }, now).limits;

    expect([daily, monthly, concurrent, seats, providers]).toEqual(expected);
  });
});
