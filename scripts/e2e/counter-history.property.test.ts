import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { claimRun, renewLease } from "#shared/pipelines/claim.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import { addDays } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { dayOf, type QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

/** What happens to the runs of one organization; `by` is the instance that does it, `isLost` that it never hears of it. */
type Event =
  | { does: "reserve"; by: number; isLost: boolean }
  | { does: "claim" | "renew"; run: number; by: number; isLost: boolean }
  | { does: "settle"; run: number; by: number; isLost: boolean; outcome: "COMPLETED" | "FAILED" | "CANCELLED" }
  | { does: "plan"; daily: number; concurrent: number }
  | { does: "pass"; seconds: number };

/** Clocks of instances beside the store's, in seconds: ten minutes ahead, right, ten minutes behind. */
const skews = [600, 0, -600];
const by = fc.nat(skews.length - 1);
const isLost = fc.boolean();
const run = fc.nat(20);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant("reserve" as const), by, isLost }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom("claim" as const, "renew" as const), run, by, isLost }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ does: fc.constant("settle" as const), run, by, isLost },
      outcome: fc.constantFrom("COMPLETED" as const, "FAILED" as const, "CANCELLED" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ does: fc.constant("plan" as const), daily: fc.integer({ min: 1, max: 6 }) },
      concurrent: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant("pass" as const),
      seconds: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 800, max: 1_000 })),
    }),
  },
);
/** Shortly before the ends of a day, a leap day, a month and a year. */
const starts = ["2028-02-28T23:55:00Z", "2028-02-29T23:50:00Z", "2028-04-30T23:58:00Z", "2028-12-31T23:59:00Z"];

let world: World;
let count = 0;
beforeAll(async () => {
  world = await startWorld({ now: "2026-04-01T00:00:00Z" });
});
afterAll(() => world.stop());

/** The product's own functions, as instances with clocks of their own call them. */
class History {
  readonly org: OrgIdentity;
  readonly today = dayOf(world.clock.now());
  readonly runIds: string[] = [];
  asked = 0;
  /** The highest that ever were in force: what runs is not taken away when a limit is lowered. */
  readonly highest = { daily: 3, concurrent: 2 };

  constructor(org: OrgIdentity) {
    this.org = org;
  }

  async happens(one: Event): Promise<void> {
    if (one.does === "pass") return world.clock.advance(one.seconds);
    if (one.does === "plan") return this.changesPlan(one);
    if (one.does === "reserve") return this.reserves(one);
    const runId = this.runIds[one.run % this.runIds.length];
    if (runId === undefined) return;
    const place = { orgKey: this.org.key, runId };
    const ports = instance(one);
    if (one.does === "settle") {
      const status = one.outcome;
      const stored = await world.run(this.org, runId);
      // Only a run that was claimed can complete.
      if (status === "COMPLETED" && stored.status === "PENDING") return;
      await unlessLost(finishRun(place, { status, reason: "of a history" }, () => true, ports));
    } else if (one.does === "claim") await unlessLost(claimRun({ ...place, holder: `holder-${one.by}` }, ports));
    else await unlessLost(renewLease(await world.run(this.org, runId), ports));
  }

  /** A caller that hears nothing asks again, for the same days. */
  async reserves(how: { by: number; isLost: boolean }): Promise<void> {
    this.asked += 1;
    const date = addDays(this.today, -2 - (this.asked % 80));
    const answer = await unlessLost(triggered(this.org, date, instance(how)));
    const heard =
      answer ??
      (how.isLost ? await unlessLost(triggered(this.org, date, instance({ ...how, isLost: false }))) : undefined);
    if (heard !== undefined && !this.runIds.includes(heard.run_id)) this.runIds.push(heard.run_id);
  }

  async changesPlan({ daily, concurrent }: { daily: number; concurrent: number }): Promise<void> {
    this.highest.daily = Math.max(this.highest.daily, daily);
    this.highest.concurrent = Math.max(this.highest.concurrent, concurrent);
    await limited(this.org, { daily, concurrent });
  }
}

function triggered(org: OrgIdentity, date: string, ports: EnginePorts): Promise<RunAnswer> {
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const asked = { org, caller, query: {}, requestId: "req_test", claimedUser: undefined, traceparent: undefined };
  return pipelines()
    .then((all) =>
      triggerRun(
        { ...asked, pipeline: all.byAddress("openai/cost/usage_cost"), body: { date } },
        plainEffects<RunAnswer>(ports),
        ports,
      ),
    )
    .then(({ body }) => body);
}

async function limited(org: OrgIdentity, limits: { daily: number; concurrent: number }): Promise<void> {
  await world.ports.documents.transaction(async (tx) => {
    const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
    if (body !== undefined) tx.set(subscriptionPath(org), { ...body, overrides: { ...body.overrides, ...limits } });
  });
}

/** An instance with its own clock; `isLost`: its first transaction commits, and its process is told that it did not. */
function instance({ by: number, isLost: loses }: { by: number; isLost: boolean }): EnginePorts {
  const { documents, clock } = world.ports;
  let isOver = !loses;
  return {
    ...world.ports,
    clock: { now: () => new Date(clock.now().getTime() + (skews[number] ?? 0) * 1000) },
    documents: {
      ...documents,
      transaction: async (body) => {
        const result = await documents.transaction(body);
        if (isOver) return result;
        isOver = true;
        throw new AppError("DOCUMENTS_UNAVAILABLE", "the answer was lost", { retryable: true });
      },
    },
  };
}

/** Undefined where the answer was lost, or the quota refuses. */
async function unlessLost<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isAppError(error, "DOCUMENTS_UNAVAILABLE") || isAppError(error, "QUOTA_EXCEEDED")) return undefined;
    throw error;
  }
}

async function storedRuns(org: OrgIdentity): Promise<RunDocument[]> {
  const orderBy = [{ field: "createdAt", direction: "desc" as const }];
  const page = await world.ports.documents.list<RunDocument>({
    collection: `orgs/${org.key}/runs`,
    orderBy,
    limit: 200,
  });
  return page.documents.map(({ body }) => body);
}

async function expectWithin({ org, highest }: History): Promise<void> {
  const [{ body: quota }, runs] = [
    await world.ports.documents.get<QuotaDocument>(quotaPath(org)),
    await storedRuns(org),
  ];
  if (quota === undefined) throw new Error("no counters");
  const now = world.clock.now();
  const counted = runs.filter(({ unit }) => unit !== null && unit.state !== "returned" && unit.day === quota.day);
  const live = Object.values(quota.running).filter(({ until }) => Date.parse(until) > now.getTime());
  expect(quota.dayRuns).toBe(counted.length);
  expect(quota.dayRuns).toBeLessThanOrEqual(highest.daily);
  expect(live.length).toBeLessThanOrEqual(highest.concurrent);
  expect(Math.min(quota.dayRuns, quota.monthRuns, quota.daySucceeded, quota.dayFailed)).toBeGreaterThanOrEqual(0);
  // By the store's clock, whatever those who write believe.
  expect(quota.day <= dayOf(now)).toBe(true);
}

describe("any history of reservations, claims, settlements, crashes, lost answers, plan changes and skewed clocks", () => {
  it("shows at no step more than the limits ever were, counts what is stored, and ends with no slot", {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.array(event, { minLength: 5, maxLength: 25 }),
        async (start, events) => {
          count += 1;
          // The clock of the one store of all histories only goes on, from leap year to leap year.
          const year = Number(start.slice(0, 4)) + 4 * count;
          world.clock.set(`${year}${start.slice(4)}`);
          const { org } = await world.onboarded(`history_${count}`, "STARTER");
          await world.connected(org, `history${count}`);
          await limited(org, { daily: 3, concurrent: 2 });
          const history = new History(org);

          for (const one of events) {
            await history.happens(one);
            await expectWithin(history);
          }

          for (const { runId, status } of await storedRuns(org))
            if (status === "PENDING" || status === "RUNNING")
              await finishRun(
                { orgKey: org.key, runId },
                { status: "FAILED", reason: "the end" },
                () => true,
                world.ports,
              );
          await expectWithin(history);
          const { body } = await world.ports.documents.get<QuotaDocument>(quotaPath(org));
          expect(body?.running).toEqual({});
        },
      ),
      { numRuns: 16, endOnFailure: true },
    );
  });
});
