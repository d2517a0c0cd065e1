import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { removeIntegration } from "#shared/integrations/remove.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import { daysOf } from "#shared/pipelines/range.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Message } from "#shared/platform/topics/topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { removeSchedule } from "./change-schedule.ts";
import { createSchedule } from "./create-schedule.ts";
import { schedulesWhenUsable } from "./default-schedules.ts";
import { runShard } from "./due-schedules.ts";
import { scheduleShards } from "./new-schedule.ts";
import { reconcileSchedules } from "./reconcile.ts";
import type { ScheduleDocument } from "./schedule.ts";
import { schedulesOf } from "./schedule-store.ts";

let world: World;
let org: OrgIdentity;

let published: Message[];

beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  published = [];
  const { topics } = world.ports;
  world.ports.topics = {
    ...topics,
    publish: async (messages) => {
      published.push(...messages);
      await topics.publish(messages);
    },
  };
  ({ org } = await world.onboarded("acme"));
  await connected(org, "tickaccount1");
});
afterEach(() => world.stop());

function connected(to: OrgIdentity, account: string, name = "default"): Promise<SetupAnswer> {
  const request = { credential: `sk-admin-sim-${account}`, credential_name: name };
  const asked = { org: to, provider: "openai", request, whenUsable: schedulesWhenUsable };
  return setUpIntegration(asked, plainEffects<SetupAnswer>(world.ports), world.ports);
}

/** One tick: every shard looks at what is due. */
async function tick(): Promise<void> {
  await Promise.all(Array.from({ length: scheduleShards }, (_, shard) => runShard({ v: 1, shard }, world.ports)));
}

async function runsOf(of: OrgIdentity): Promise<RunDocument[]> {
  const page = await world.ports.documents.list<RunDocument>({
    collection: `orgs/${of.key}/runs`,
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: 100,
  });
  return page.documents.map(({ body }) => body).reverse();
}

async function schedule(): Promise<ScheduleDocument> {
  const [stored] = await schedulesOf(org, world.ports.documents);
  if (stored === undefined) throw new Error("no schedule");
  return stored.body;
}

async function finished(run: RunDocument | undefined): Promise<void> {
  await world.process(org, run?.runId ?? "");
  expect(await world.run(org, run?.runId ?? "")).toMatchObject({ status: "COMPLETED" });
}

async function onPlan(plan: SubscriptionDocument["plan"], change: Partial<SubscriptionDocument> = {}): Promise<void> {
  await world.ports.documents.transaction(async (tx) => {
    const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
    if (body !== undefined) tx.set<SubscriptionDocument>(subscriptionPath(org), { ...body, plan, ...change });
  });
}

/** What people would be told of this kind, oldest first. */
function eventsOf(kind: string): unknown[] {
  return published.filter(({ topic, attributes }) => topic === "events" && attributes["kind"] === kind);
}

describe("schedules and their ticks", () => {
  it("come with the integration, once, and fire in the zone of the organization", async () => {
    await connected(org, "tickaccount1");

    const all = await schedulesOf(org, world.ports.documents);

    expect(all.map(({ body }) => body)).toMatchObject([
      {
        pipelineId: "openai-cost-usage-cost",
        source: "default",
        timezone: "UTC",
        nominalTime: "2026-08-11T02:00:00.000Z",
      },
    ]);
  });

  it("make one run for a period: two ticks at once, a late one, a clock that goes back an hour", async () => {
    world.clock.set("2026-08-11T02:30:00Z");
    await Promise.all([tick(), tick()]);
    world.clock.set("2026-08-11T01:40:00Z");
    await tick();
    world.clock.set("2026-08-11T02:45:00Z");
    await tick();

    expect(await runsOf(org)).toMatchObject([
      { triggerType: "scheduled", scheduledFor: "2026-08-11T02:00:00.000Z", range: { end: "2026-08-10" } },
    ]);
    expect(await schedule()).toMatchObject({
      lastPeriod: "2026-08-11T02:00:00.000Z",
      nominalTime: "2026-08-12T02:00:00.000Z",
    });
  });

  it("miss no day when ticks are down for two days, and run the newest period only", async () => {
    world.clock.set("2026-08-11T02:30:00Z");
    await tick();
    await finished((await runsOf(org))[0]);
    world.clock.set("2026-08-20T07:13:00Z");
    await tick();

    const [, late] = await runsOf(org);

    expect(late).toMatchObject({
      scheduledFor: "2026-08-20T02:00:00.000Z",
      range: { start: "2026-08-11", end: "2026-08-19" },
    });
    expect(await schedule()).toMatchObject({ missedPeriods: 8, nominalTime: "2026-08-21T02:00:00.000Z" });
  });

  it("leave days older than 45 to a backfill, and in the end no day is missing", async () => {
    world.clock.set("2026-08-11T02:30:00Z");
    await tick();
    await finished((await runsOf(org))[0]);
    world.clock.set("2026-11-20T07:13:00Z");
    await tick();

    const [, late, oldest] = await runsOf(org);

    expect(late?.range).toEqual({ start: "2026-10-06", end: "2026-11-19" });
    expect(oldest).toMatchObject({ triggerType: "catch_up", range: { start: "2026-10-01", end: "2026-10-05" } });
    expect(daysOf(late?.range ?? { start: "", end: "" })).toHaveLength(45);
  });

  it("wait for a slot where all are taken, and give way to their next period", async () => {
    await onPlan("FREE", { overrides: { concurrent: 0 } });
    world.clock.set("2026-08-11T02:30:00Z");
    await tick();
    const [waiting] = await runsOf(org);
    expect(waiting).toMatchObject({ status: "PENDING", queueState: "waiting_slot" });

    world.clock.set("2026-08-12T02:30:00Z");
    await tick();

    expect(await runsOf(org)).toMatchObject([
      { status: "CANCELLED", runId: waiting?.runId },
      { status: "PENDING", queueState: "waiting_slot", scheduledFor: "2026-08-12T02:00:00.000Z" },
    ]);
    await onPlan("FREE", { overrides: {} });
    expect(await admitWaiting(org.key, world.ports)).toHaveLength(1);
  });

  it("pass over a period that the quota has no run for, tell of it, and catch its days up", async () => {
    world.clock.set("2026-08-11T02:30:00Z");
    await tick();
    await finished((await runsOf(org))[0]);
    await onPlan("FREE", { overrides: { daily: 0 } });
    for (const day of ["12", "13"]) {
      world.clock.set(`2026-08-${day}T02:30:00Z`);
      await Promise.all([tick(), tick()]);
    }
    expect(await schedule()).toMatchObject({ lastSkip: "SKIPPED_QUOTA", lastPeriod: "2026-08-13T02:00:00.000Z" });
    expect(eventsOf("schedule.skipped")).toHaveLength(2);

    await onPlan("FREE", { overrides: {} });
    world.clock.set("2026-08-20T02:30:00Z");
    await tick();

    expect((await runsOf(org)).at(-1)).toMatchObject({ range: { start: "2026-08-11", end: "2026-08-19" } });
    expect(await schedule()).toMatchObject({ lastSkip: null });
  });

  it("pass over periods of an inactive subscription, and tell of it once", async () => {
    await onPlan("SCALE", { status: "SUSPENDED" });
    for (const day of ["11", "12", "13"]) {
      world.clock.set(`2026-08-${day}T02:30:00Z`);
      await tick();
    }

    expect(await runsOf(org)).toEqual([]);
    expect(await schedule()).toMatchObject({ lastSkip: "SKIPPED_SUBSCRIPTION", active: true });
    expect(eventsOf("schedule.skipped")).toHaveLength(1);
  });

  it("pause where the integration cannot be used, and go on when it can, without running what lies behind", async () => {
    await commitChange(
      (change) => removeIntegration({ org, provider: "openai", credentialName: undefined }, change),
      world.ports,
    );
    world.clock.set("2026-08-11T02:30:00Z");
    await tick();
    await tick();
    expect(await schedule()).toMatchObject({ active: false, pausedReason: "INTEGRATION_NOT_CONFIGURED" });
    expect(eventsOf("schedule.paused")).toHaveLength(1);

    world.clock.set("2026-08-14T12:00:00Z");
    await connected(org, "tickaccount1");

    expect(await schedule()).toMatchObject({
      active: true,
      pausedReason: null,
      nominalTime: "2026-08-15T02:00:00.000Z",
    });
    await tick();
    expect(await runsOf(org)).toEqual([]);
  });

  it("pass over firings that a downgraded plan has no interval for", async () => {
    await commitChange(
      (change) =>
        createSchedule(
          { org, request: { pipeline_id: "openai-cost-usage-cost", schedule_cron: "0 */6 * * *" } },
          change,
          world.ports,
        ),
      world.ports,
    );
    await onPlan("FREE", { overrides: { daily: null, monthly: null, concurrent: null } });
    for (const hour of ["11T00", "11T06", "11T12", "11T18", "12T00"]) {
      world.clock.set(`2026-08-${hour}:30:00Z`);
      await tick();
    }

    const ran = (await runsOf(org)).filter(({ scheduledFor = "" }) => !scheduledFor.includes("T02:"));
    expect(ran.map(({ scheduledFor }) => scheduledFor)).toEqual([
      "2026-08-11T00:00:00.000Z",
      "2026-08-12T00:00:00.000Z",
    ]);
  });

  it("lose no schedule and start none twice when a shard dies at any of its transactions", async () => {
    const others = await Promise.all(["one", "two", "three"].map((slug) => world.onboarded(`crash_${slug}`)));
    for (const [at, { org: other }] of others.entries()) await connected(other, `crashaccount${at}`);
    world.clock.set("2026-08-11T02:30:00Z");
    const whole = world.ports.documents;
    for (let survived = 0; survived < 8; survived++) {
      let left = survived;
      world.ports.documents = {
        ...whole,
        transaction: (body) => {
          left -= 1;
          return left < 0 ? Promise.reject(new Error("the process is gone")) : whole.transaction(body);
        },
      };
      await tick();
    }
    world.ports.documents = whole;
    await tick();

    for (const each of [org, ...others.map(({ org: other }) => other)])
      expect(await runsOf(each)).toMatchObject([{ scheduledFor: "2026-08-11T02:00:00.000Z" }]);
  });

  it("come back by the nightly walk where they are missing, and stay away where people have switched them off", async () => {
    const { org: other } = await world.onboarded("other");
    await connected(other, "walkaccount1");
    const [lost] = await schedulesOf(org, world.ports.documents);
    const [unwanted] = await schedulesOf(other, world.ports.documents);
    const configId = unwanted?.body.configId ?? "";
    await commitChange((change) => removeSchedule({ org: other, configId }, change), world.ports);
    await commitChange(async (change) => change.delete(lost?.path ?? ""), world.ports);

    expect(await reconcileSchedules(world.ports)).toBe(true);
    expect(await reconcileSchedules(world.ports)).toBe(true);

    expect((await schedulesOf(org, world.ports.documents)).map(({ path }) => path)).toEqual([lost?.path]);
    expect((await schedulesOf(other, world.ports.documents)).map(({ body }) => body.isActive)).toEqual([false]);
  });
});
