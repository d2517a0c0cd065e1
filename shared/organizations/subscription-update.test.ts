import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { AppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import { readSubscriptionAnswer, type SubscriptionUpdateAnswer } from "./subscription-answer.ts";
import { SubscriptionRequest, updateSubscription } from "./subscription-update.ts";

let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
let made = 0;
beforeAll(async () => {
  world = await startWorld({ now: "2028-02-20T10:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterAll(() => world.stop());

async function organization(plan: string): Promise<OrgIdentity> {
  world.clock.set("2028-02-20T10:00:00Z");
  return (await world.onboarded(`Plans_${++made}`, plan)).org;
}

async function put(org: OrgIdentity, body: object): Promise<SubscriptionUpdateAnswer> {
  const request = await validBody(SubscriptionRequest, body);
  return updateSubscription({ org, request }, auditedEffects<SubscriptionUpdateAnswer>("subscription.updated", ports));
}

async function refused(org: OrgIdentity, body: object): Promise<Pick<AppError, "code" | "fields">> {
  const before = await stored(org);
  const error = await put(org, body).then(
    () => undefined,
    (thrown: unknown) => thrown as AppError,
  );
  expect(await stored(org)).toEqual(before);
  return { code: error?.code ?? "none", fields: error?.fields ?? [] };
}

async function stored(org: OrgIdentity): Promise<SubscriptionDocument | undefined> {
  return (await ports.documents.get<SubscriptionDocument>(subscriptionPath(org))).body;
}

async function storeStripe(org: OrgIdentity): Promise<void> {
  await ports.documents.transaction(async (tx) => {
    const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
    tx.set(subscriptionPath(org), { ...body, stripe: { subscriptionId: "sub_live" } });
  });
}

function audited(org: OrgIdentity): string[] {
  const rows = pathsBelow(documents, `orgs/${org.key}/audit/`).map((path) => documents.stored.get(path));
  return rows.map((row) => String(row?.["action"])).filter((action) => action === "subscription.updated");
}

async function dueAt(kind: string, org: OrgIdentity): Promise<string | undefined> {
  return (await ports.documents.get<TimerDocument>(timerPath(kind, org.key))).body?.dueAt;
}

describe("PUT subscription", () => {
  it("takes the example PRO, 1000 a day, 25000 a month, and leaves the plan's other limits", async () => {
    const org = await organization("FREE");

    const answer = await put(org, { plan_name: "PRO", daily_limit: 1000, monthly_limit: 25_000 });

    expect(answer).toMatchObject({
      plan_name: "PROFESSIONAL",
      daily_limit: 1000,
      monthly_limit: 25_000,
      updated: true,
    });
    expect(answer).toMatchObject({ concurrent_limit: 5, seat_limit: 10, providers_limit: 10 });
    expect(answer.overrides).toEqual({ daily_limit: 1000, monthly_limit: 25_000 });
  });

  it("answers what GET answers", async () => {
    const org = await organization("STARTER");

    const {
      updated: _,
      message: __,
      ...answer
    } = await put(org, { seat_limit: null, subscription_end_date: "2029-01-31" });

    expect(await readSubscriptionAnswer(org, ports.documents)).toEqual(answer);
    expect(answer).toMatchObject({
      seat_limit: null,
      overrides: { seat_limit: null },
      subscription_end_date: "2029-01-31",
    });
  });

  it("takes the names of older clients, and plan and status in any case", async () => {
    const org = await organization("FREE");

    const answer = await put(org, {
      plan_name: "scale",
      status: "suspended",
      pipelines_per_day_limit: 0,
      pipelines_per_month_limit: 7,
      concurrent_pipelines_limit: 3,
      max_team_members: 4,
      max_providers: 5,
    });

    expect(answer).toMatchObject({ plan_name: "SCALE", status: "SUSPENDED", daily_limit: 0, monthly_limit: 7 });
    expect(answer).toMatchObject({ concurrent_limit: 3, seat_limit: 4, providers_limit: 5 });
  });

  it("keeps overrides over a change of plan until they are reset, and null wins over the plan", async () => {
    const org = await organization("STARTER");
    await put(org, { daily_limit: null, monthly_limit: 0 });

    const changed = await put(org, { plan_name: "PROFESSIONAL" });
    const reset = await put(org, { reset_to_plan: true, seat_limit: 77 });

    expect(changed).toMatchObject({ daily_limit: null, monthly_limit: 0, concurrent_limit: 5 });
    expect(reset).toMatchObject({ daily_limit: 20, monthly_limit: 600, seat_limit: 77, overrides: { seat_limit: 77 } });
  });

  it("writes nothing, no audit row either, when nothing changes", async () => {
    const org = await organization("STARTER");
    await put(org, { daily_limit: 9 });
    const version = (await ports.documents.get(subscriptionPath(org))).version;

    const again = await put(org, { plan_name: "starter", daily_limit: 9, status: "ACTIVE" });
    const nothing = await put(org, {});

    expect([again.updated, nothing.updated]).toEqual([false, false]);
    expect((await ports.documents.get(subscriptionPath(org))).version).toBe(version);
    expect(audited(org)).toHaveLength(1);
  });

  it("is told to other areas, and to the history of subscriptions", async () => {
    const org = await organization("FREE");

    await put(org, { plan_name: "SCALE" });

    const messages = pathsBelow(documents, "outbox/").map((path) => documents.stored.get(path));
    const told = messages.filter(
      (message) => message?.["topic"] === "entitlements-changed" && message["org"] === org.key,
    );
    expect(told.map((message) => message?.["payload"])).toEqual([{ org: org.key, plan: "SCALE", status: "ACTIVE" }]);
  });

  it("changes no plan while a Stripe subscription lives, but limits", async () => {
    const org = await organization("STARTER");
    await storeStripe(org);

    expect((await refused(org, { plan_name: "SCALE", daily_limit: 5 })).code).toBe("PLAN_MANAGED_BY_STRIPE");
    expect(await put(org, { plan_name: "STARTER", daily_limit: 5 })).toMatchObject({ daily_limit: 5, updated: true });
  });

  it.each([
    [{ plan_name: "GOLD" }, "/plan_name"],
    [{ status: "PAUSED" }, "/status"],
    [{ daily_limit: -1 }, "/daily_limit"],
    [{ daily_limit: 1_000_001 }, "/daily_limit"],
    [{ monthly_limit: 1.5 }, "/monthly_limit"],
    [{ concurrent_limit: 0 }, "/concurrent_limit"],
    [{ seat_limit: 100_001 }, "/seat_limit"],
    [{ providers_limit: 0 }, "/providers_limit"],
    [{ subscription_end_date: "2028-02-30" }, "/subscription_end_date"],
    [{ trial_end_date: "2028-04-01" }, "/trial_ends_at"],
    [{ status: "TRIAL" }, "/trial_ends_at"],
    [{ status: "TRIAL", trial_ends_at: "2028-02-20T10:00:00Z" }, "/trial_ends_at"],
    [{ status: "TRIAL", trial_ends_at: "2028-03-01T00:00:00Z", trial_end_date: "2028-03-01" }, "/trial_end_date"],
    [{ daily_limit: 5, pipelines_per_day_limit: 6 }, "/pipelines_per_day_limit"],
    [{ hold: true }, "/hold"],
  ])("refuses %j, naming %s", async (body, path) => {
    const org = await organization("STARTER");

    const { code, fields } = await refused(org, body);

    expect(code).toBe("INVALID_BODY");
    expect(fields.map((field) => field.path)).toContain(path);
  });
});

describe("a trial", () => {
  it("includes its last UTC day, and can be given once", async () => {
    const org = await organization("STARTER");

    const begun = await put(org, { status: "TRIAL", plan_name: "PROFESSIONAL", trial_end_date: "2028-02-29" });
    const ended = await put(org, { status: "ACTIVE" });

    expect(begun.trial).toEqual({ active: true, ends_at: "2028-03-01T00:00:00.000Z", used: true, days_left: 10 });
    expect(begun.trial_end_date).toBe("2028-02-29");
    expect(ended.trial).toMatchObject({ active: false, used: true, days_left: 0 });
    expect(await refused(org, { status: "TRIAL", trial_end_date: "2028-12-31" })).toMatchObject({
      code: "INVALID_BODY",
      fields: [{ path: "/status" }],
    });
  });

  it("that is over is changed as if its end had been made durable", async () => {
    const org = await organization("PROFESSIONAL");
    await put(org, { daily_limit: 500 });
    world.clock.set("2028-03-05T10:00:00Z");

    const unchanged = await put(org, { plan_name: "FREE" });
    const changed = await put(org, { seat_limit: 3 });

    expect(unchanged).toMatchObject({ plan_name: "FREE", status: "ACTIVE", daily_limit: 2, updated: false });
    expect(changed).toMatchObject({
      plan_name: "FREE",
      status: "ACTIVE",
      daily_limit: 2,
      seat_limit: 3,
      updated: true,
    });
    expect(await stored(org)).toMatchObject({ plan: "FREE", status: "ACTIVE", overrides: { seats: 3 } });
    expect(await refused(org, { status: "TRIAL", trial_end_date: "2029-01-01" })).toMatchObject({
      code: "INVALID_BODY",
    });
  });

  it("can be made longer while it runs, and its timer goes with it", async () => {
    const org = await organization("PROFESSIONAL");

    const longer = await put(org, { trial_ends_at: "2028-04-01T02:00:00+02:00" });

    expect(longer).toMatchObject({ status: "TRIAL", trial: { ends_at: "2028-04-01T00:00:00.000Z" } });
    expect(await dueAt("trial-end", org)).toBe("2028-04-01T00:00:00.000Z");
  });

  it("ends when another plan is given, so that nobody falls from it later", async () => {
    const org = await organization("PROFESSIONAL");

    const answer = await put(org, { plan_name: "SCALE" });

    expect(answer).toMatchObject({ plan_name: "SCALE", status: "ACTIVE" });
    expect(await dueAt("trial-end", org)).toBeUndefined();
  });
});

describe("a subscription that is stopped", () => {
  it("is readable for 30 days from the stop on, whatever is changed meanwhile, and without end once it runs again", async () => {
    const org = await organization("STARTER");

    const stopped = await put(org, { status: "SUSPENDED" });
    world.clock.set("2028-02-25T10:00:00Z");
    const cancelled = await put(org, { status: "CANCELLED" });
    const timer = await dueAt("read-only-end", org);
    const running = await put(org, { status: "ACTIVE" });

    expect(stopped.read_only_until).toBe("2028-03-21T10:00:00.000Z");
    expect(cancelled.read_only_until).toBe("2028-03-21T10:00:00.000Z");
    expect(timer).toBe("2028-03-21T10:00:00.000Z");
    expect(running.read_only_until).toBeNull();
    expect(await dueAt("read-only-end", org)).toBeUndefined();
  });
});
