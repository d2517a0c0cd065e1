import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import { cancelRun } from "#shared/pipelines/cancel.ts";
import { claimRun } from "#shared/pipelines/claim.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { readQueue } from "#shared/schedules/queue-read.ts";
import { shapedRun, workedOn } from "./shaped-run.fixture.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

const minute = 60;
let world: World;
let count = 0;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop());

/** Two runs a day, one at once. */
async function freshOrg(): Promise<OrgIdentity> {
  count += 1;
  world.clock.set(`2026-08-${String(10 + count)}T06:00:00Z`);
  const { org } = await world.onboarded(`lostslot${count}`, "FREE");
  await world.connected(org, `lostslot${count}`);
  return org;
}

/** A run of the highest priority that waits for unit and slot. */
async function queuedFirst(org: OrgIdentity): Promise<string> {
  const { run_id } = await world.trigger(org, { date: "2026-07-03", queue: true, priority: 10 });
  return run_id;
}

/** Its provider asks to wait some minutes; nobody wakes it before its slot is gone, and four of its minutes are left. */
async function lateRun(org: OrgIdentity, meanwhile = async (): Promise<unknown> => undefined): Promise<string> {
  const runId = await shapedRun(world, org, { date: "2026-07-01" });
  const midway = async (): Promise<never> => {
    throw new AppError("PROVIDER_RATE_LIMITED", "wait", { retryable: true, retryAfterSeconds: 5 * minute });
  };
  await workedOn(world, { org, runId }, { midway });
  await meanwhile();
  world.clock.advance(26 * minute);
  return runId;
}

const worked = (org: OrgIdentity, runId: string): Promise<RunDocument> => workedOn(world, { org, runId }, {});
const slots = async (org: OrgIdentity) => {
  const { body } = await world.ports.documents.get<QuotaDocument>(quotaPath(org));
  return Object.keys(body?.running ?? {});
};
const admitted = (org: OrgIdentity) => admitWaiting(org.key, world.ports);
const secondsLeft = ({ deadlineAt }: RunDocument) => (Date.parse(deadlineAt) - world.clock.now().getTime()) / 1000;

// pipelines.md 6, T2; organizations.md 6, extend
describe("a run that is woken after its slot ran out, when all others are taken", () => {
  it("waits in the queue with its unit, and goes on once a slot is free, with the time that it had left", async () => {
    const org = await freshOrg();
    const runId = await lateRun(org);
    const other = await shapedRun(world, org, { date: "2026-07-02" });

    const waiting = await worked(org, runId);

    expect([waiting.status, waiting.queueState, waiting.unit.state]).toEqual(["RUNNING", "waiting_slot", "held"]);
    expect([waiting.claims, waiting.wakeAt, await slots(org)]).toEqual([1, null, [other]]);
    const { queue } = await readQueue(org, { state: "QUEUED", limit: 10 }, world.ports.documents);
    expect(queue).toMatchObject([{ run_id: runId, position: 1 }]);
    expect(await admitted(org)).toEqual([]);
    world.clock.advance(10 * minute);
    await sweepRuns(world.ports);
    expect(await worked(org, runId)).toEqual(waiting);
    expect((await worked(org, other)).status).toBe("COMPLETED");
    expect(await admitted(org)).toEqual([runId]);
    const next = await world.run(org, runId);
    expect([next.queueState, secondsLeft(next), await slots(org)]).toEqual(["published", 4 * minute, [runId]]);
    expect(await admitted(org)).toEqual([]);
    expect((await worked(org, runId)).status).toBe("COMPLETED");
    const { body } = await world.ports.documents.get<QuotaDocument>(quotaPath(org));
    expect(body).toMatchObject({ dayRuns: 2, daySucceeded: 2, dayFailed: 0, running: {} });
  });

  it("is let in although one before it in the queue has no unit left for today", async () => {
    const org = await freshOrg();
    // Asked for while a unit is left, which `other` then takes: it waits for tomorrow.
    let third = "";
    const runId = await lateRun(org, async () => {
      third = await queuedFirst(org);
    });
    const other = await shapedRun(world, org, { date: "2026-07-02" });
    await worked(org, runId);

    await worked(org, other);

    expect([await admitted(org), await slots(org)]).toEqual([[runId], [runId]]);
    expect(await world.run(org, third)).toMatchObject({ status: "PENDING", queueState: "waiting_slot" });
  });

  it("was lost by a process that died: it waits as well, and is then taken over", async () => {
    const org = await freshOrg();
    const runId = await shapedRun(world, org, { date: "2026-07-01" });
    await claimRun({ orgKey: org.key, runId, holder: "dies" }, world.ports);
    world.clock.advance(16 * minute);
    const other = await shapedRun(world, org, { date: "2026-07-02" });

    const waiting = await worked(org, runId);
    await worked(org, other);

    expect([waiting.queueState, waiting.lease]).toEqual(["waiting_slot", null]);
    expect(await admitted(org)).toEqual([runId]);
    expect(await worked(org, runId)).toMatchObject({ status: "COMPLETED", claims: 2, recoveries: 1 });
  });

  it("leaves the queue and gives its unit back when it is cancelled there", async () => {
    const org = await freshOrg();
    const runId = await lateRun(org);
    const other = await shapedRun(world, org, { date: "2026-07-02" });
    await worked(org, runId);

    const { status } = await cancelRun({ org, runId, reason: undefined }, plainEffects(world.ports));
    await worked(org, other);

    expect([status, await admitted(org)]).toEqual(["CANCELLED", []]);
    const { queue } = await readQueue(org, { limit: 10 }, world.ports.documents);
    const { body } = await world.ports.documents.get<QuotaDocument>(quotaPath(org));
    expect([queue, body]).toMatchObject([[], { dayRuns: 1, running: {} }]);
  });
});
