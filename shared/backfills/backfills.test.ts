import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { claimRun } from "#shared/pipelines/claim.ts";
import { runErrorOf } from "#shared/pipelines/failures.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { advanceBackfill } from "./advance.ts";
import type { BackfillDocument } from "./backfill.ts";
import { backfillTimerPath, openBackfills, storedBackfill } from "./backfill-store.ts";
import { cancelBackfill, pauseBackfill, resumeBackfill } from "./change-backfill.ts";
import { createBackfill } from "./new-backfill.ts";
import { backfillOrder } from "./request-backfill.ts";

let world: World;
let org: OrgIdentity;

beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
});
afterEach(() => world.stop());

async function onPlan(plan: string): Promise<void> {
  ({ org } = await world.onboarded("acme", plan));
  await world.connected(org, "backfillaccount");
}

async function created(start: string, end: string): Promise<BackfillDocument> {
  const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const wanted = { org, caller, pipeline, requestId: "req_test", request: { start_date: start, end_date: end } };
  const order = await backfillOrder(wanted, world.ports);
  const nothing = { prepare: async () => {}, conclude: () => {} };
  return (await createBackfill(order, nothing, world.ports)).backfill;
}

const advance = (id: string): Promise<void> => advanceBackfill({ v: 1, org: org.key, backfill_id: id }, world.ports);

async function stored(id: string): Promise<BackfillDocument> {
  return (await storedBackfill(org, id, world.ports.documents)).body;
}

async function runInFlight(id: string): Promise<RunDocument> {
  const runId = (await stored(id)).chunks.find(({ state }) => state === "RUNNING")?.runId;
  if (runId == null) throw new Error("no chunk is in flight");
  return world.run(org, runId);
}

async function ended(id: string, status: "COMPLETED" | "FAILED"): Promise<void> {
  const run = await runInFlight(id);
  await claimRun({ orgKey: org.key, runId: run.runId, holder: "test" }, world.ports);
  const error = await runErrorOf(new AppError("PROVIDER_NOT_FOUND", "gone"), { stepId: null, retryCount: 0 });
  const ending = { status, reason: "by the test", ...(status === "FAILED" ? { error } : {}) };
  await finishRun({ orgKey: org.key, runId: run.runId }, ending, () => true, world.ports);
  await advance(id);
}

describe("a backfill", () => {
  it("pulls month by month, the newest first, publishes what it pulls, and ends", async () => {
    await onPlan("SCALE");
    const { backfillId } = await created("2026-06-25", "2026-08-03");

    const ranges: RunDocument["range"][] = [];
    while ((await stored(backfillId)).open) {
      const run = await runInFlight(backfillId);
      ranges.push(run.range);
      expect(run).toMatchObject({ triggerType: "backfill", priority: 3, backfillId });
      await world.process(org, run.runId);
      await Promise.all([advance(backfillId), advance(backfillId)]);
    }

    expect(ranges).toEqual([
      { start: "2026-08-01", end: "2026-08-03" },
      { start: "2026-07-01", end: "2026-07-31" },
      { start: "2026-06-25", end: "2026-06-30" },
    ]);
    const done = await stored(backfillId);
    expect(done).toMatchObject({ state: "COMPLETED", open: false });
    expect(done.chunks.map(({ publishedDays }) => publishedDays)).toEqual([3, 31, 6]);
    expect((await world.ports.documents.get(backfillTimerPath(org.key, backfillId))).body).toBeUndefined();
  }, 60_000);

  it("takes half of the daily limit at most, waits for the next UTC day, and goes on", async () => {
    await onPlan("STARTER");
    const { backfillId } = await created("2026-01-01", "2026-08-03");
    for (let chunk = 0; chunk < 3; chunk++) await ended(backfillId, "COMPLETED");

    expect(await stored(backfillId)).toMatchObject({ state: "WAITING", waitingFor: "quota" });
    await advance(backfillId);
    expect((await stored(backfillId)).chunks.filter(({ state }) => state === "COMPLETED")).toHaveLength(3);
    world.clock.set("2026-08-11T00:00:00Z");
    await advance(backfillId);

    expect(await runInFlight(backfillId)).toMatchObject({ range: { start: "2026-05-01", end: "2026-05-31" } });
    expect((await stored(backfillId)).state).toBe("ACTIVE");
  });

  it("counts its half by the store's day, whatever the clock of an instance says about midnight", async () => {
    await onPlan("STARTER");
    const { backfillId } = await created("2026-01-01", "2026-08-03");
    for (let chunk = 0; chunk < 3; chunk++) await ended(backfillId, "COMPLETED");
    const by = (skewMinutes: number) => {
      const now = () => new Date(world.clock.now().getTime() + skewMinutes * 60_000);
      return advanceBackfill({ v: 1, org: org.key, backfill_id: backfillId }, { ...world.ports, clock: { now } });
    };
    const alarm = async () => {
      const path = backfillTimerPath(org.key, backfillId);
      return (await world.ports.documents.get<{ dueAt: string }>(path)).body?.dueAt;
    };

    world.clock.set("2026-08-10T23:55:00Z");
    await by(10);
    expect(await stored(backfillId)).toMatchObject({ state: "WAITING", waitingFor: "quota" });
    expect(await alarm()).toBe("2026-08-11T00:00:00.000Z");
    world.clock.set("2026-08-11T00:05:00Z");
    await by(-10);

    expect((await stored(backfillId)).state).toBe("ACTIVE");
    expect((await runInFlight(backfillId)).unit.day).toBe("2026-08-11");
  });

  it("shares that half with the other backfills of the organization", async () => {
    await onPlan("STARTER");
    await created("2026-01-01", "2026-02-20");
    const second = await created("2026-03-01", "2026-04-30");
    await ended(second.backfillId, "COMPLETED");
    await ended(second.backfillId, "COMPLETED");

    expect(await stored(second.backfillId)).toMatchObject({ state: "COMPLETED" });
    await expect(created("2026-05-01", "2026-05-31")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await openBackfills(org, world.ports.documents)).toHaveLength(1);
  });

  it("tries a failed month again after 10 and 60 minutes, then passes it over; three in a row stop it", async () => {
    await onPlan("SCALE");
    const { backfillId } = await created("2026-03-01", "2026-05-31");
    const failures: string[] = [];
    for (let month = 0; month < 3; month++) {
      for (const minutes of [10, 60, 0]) {
        await ended(backfillId, "FAILED");
        failures.push((await stored(backfillId)).state);
        world.clock.advance(minutes * 60 - (minutes === 0 ? 0 : 1));
        await advance(backfillId);
        world.clock.advance(1);
        await advance(backfillId);
      }
      // The months in between are started while the failed one waits; here each waits alone.
      if ((await stored(backfillId)).state === "PAUSED") break;
    }

    const stopped = await stored(backfillId);
    expect(stopped).toMatchObject({ state: "PAUSED", pausedReason: "failures", failedInRow: 3 });
    expect(stopped.chunks.map(({ state, errorCode }) => [state, errorCode])).toEqual(
      Array(3).fill(["FAILED", "PROVIDER_NOT_FOUND"]),
    );
    await commitChange((change) => resumeBackfill({ org, backfillId }, change), world.ports);
    await advance(backfillId);
    expect(await runInFlight(backfillId)).toMatchObject({ range: { start: "2026-05-01" } });
  });

  it("is paused after the month in flight, goes on when told, and ends with it when cancelled", async () => {
    await onPlan("SCALE");
    const { backfillId } = await created("2026-05-01", "2026-07-31");
    const asked = { org, backfillId };

    await commitChange((change) => pauseBackfill(asked, change), world.ports);
    await ended(backfillId, "COMPLETED");
    expect((await stored(backfillId)).chunks.map(({ state }) => state)).toEqual(["COMPLETED", "PENDING", "PENDING"]);
    await expect(commitChange((change) => pauseBackfill(asked, change), world.ports)).rejects.toMatchObject({
      code: "WRONG_STATE",
    });
    await commitChange((change) => resumeBackfill(asked, change), world.ports);
    await advance(backfillId);
    const run = await runInFlight(backfillId);
    await commitChange((change) => cancelBackfill(asked, change), world.ports);
    await advance(backfillId);

    expect(await world.run(org, run.runId)).toMatchObject({ status: "CANCELLED" });
    expect(await stored(backfillId)).toMatchObject({ state: "CANCELLED", open: false });
  });

  it("refuses one that overlaps another of its source, and takes one beside it", async () => {
    await onPlan("SCALE");
    await created("2026-05-01", "2026-07-31");

    await expect(created("2026-07-31", "2026-08-02")).rejects.toMatchObject({ code: "BACKFILL_OVERLAPS" });
    await expect(created("2026-08-01", "2026-08-02")).resolves.toMatchObject({ state: "ACTIVE" });
  });

  it("refuses days outside the pipeline's history, and leaves no trace", async () => {
    await onPlan("SCALE");

    await expect(created("2024-01-01", "2026-08-02")).rejects.toMatchObject({ code: "BEFORE_HISTORY" });
    await expect(created("2026-08-02", "2026-08-11")).rejects.toMatchObject({ code: "DATE_IN_FUTURE" });
    await expect(created("2026-02-29", "2026-03-11")).rejects.toMatchObject({ code: "INVALID_DATE" });
    expect(await openBackfills(org, world.ports.documents)).toEqual([]);
  });
});
