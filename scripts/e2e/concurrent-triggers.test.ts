import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { addDays } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { Reply } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { httpStatusOf } from "#shared/runtime/http-status.ts";
import { plainEffects, startWorld, type World } from "./world.ts";

describe("50 triggers at once", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  const quota = async (org: OrgIdentity) => (await world.ports.documents.get<QuotaDocument>(quotaPath(org))).body;
  const runs = async (org: OrgIdentity) =>
    (
      await world.ports.documents.list<object>({
        collection: `orgs/${org.key}/runs`,
        orderBy: [{ field: "createdAt", direction: "desc" }],
        limit: 100,
      })
    ).documents;
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const triggerAll = async (org: OrgIdentity, requestAt: (at: number) => RunRequest) => {
    const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
    const asked = { org, caller, pipeline, query: {}, requestId: "req_test" };
    const triggered = (body: RunRequest) =>
      triggerRun(
        { ...asked, body, claimedUser: undefined, traceparent: undefined },
        plainEffects<RunAnswer>(world.ports),
        world.ports,
      );
    return Promise.allSettled(Array.from({ length: 50 }, (_, at) => triggered(requestAt(at))));
  };

  it("of the same days are one run: 49 duplicates of it, one unit, one slot", async () => {
    const { org } = await world.onboarded("identical", "STARTER");
    await world.connected(org, "identical1");

    const answers = await triggerAll(org, () => ({ start_date: "2026-07-01", end_date: "2026-07-03" }));

    const answered = answers.map((answer) => (answer as PromiseFulfilledResult<Reply<RunAnswer>>).value);
    expect(answered.map(({ status }) => status).sort()).toEqual([...Array(49).fill(200), 202]);
    const replies = answered.map(({ body }) => body);
    expect(replies.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(replies.filter(({ duplicate }) => duplicate)).toHaveLength(49);
    const [runId, ...others] = new Set(replies.map(({ run_id }) => run_id));
    expect(others).toEqual([]);
    expect(await quota(org)).toMatchObject({ dayRuns: 1, monthRuns: 1 });
    expect(Object.keys((await quota(org))?.running ?? {})).toEqual([runId]);
    expect(await runs(org)).toHaveLength(1);
    expect((await world.trigger(org, { start_date: "2026-07-01", end_date: "2026-07-03" })).run_id).toBe(runId);
  });

  it("of different days with 2 slots admit two and send 48 away with a time to come again", async () => {
    const { org } = await world.onboarded("different", "STARTER");
    await world.connected(org, "different1");

    const answers = await triggerAll(org, (at) => ({ date: addDays("2026-06-01", at) }));

    const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
    expect(answers.slice(0, 2).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    expect(refused).toHaveLength(48);
    for (const reason of refused) {
      expect(isAppError(reason, "QUOTA_EXCEEDED")).toBe(true);
      expect(reason).toMatchObject({ retryAfterSeconds: 300, extra: { quota: "concurrent" } });
      expect(httpStatusOf(reason.code)).toBe(429);
    }
    expect(await quota(org)).toMatchObject({ dayRuns: 2, monthRuns: 2, dayMaxConcurrent: 2 });
    expect(await runs(org)).toHaveLength(2);
  });

  it("of different days with one slot admit the one that is allowed", async () => {
    const { org } = await world.onboarded("single", "FREE");
    await world.connected(org, "single1");

    const answers = await triggerAll(org, (at) => ({ date: addDays("2026-06-01", at) }));

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await quota(org)).toMatchObject({ dayRuns: 1, monthRuns: 1, dayMaxConcurrent: 1 });
    expect(await runs(org)).toHaveLength(1);
  });

  it("find the slots of crashed runs free again after 15 minutes, and the day's units still taken", async () => {
    const { org } = await world.onboarded("crashed", "STARTER");
    await world.connected(org, "crashed1");
    await triggerAll(org, (at) => ({ date: addDays("2026-06-01", at) }));
    world.clock.advance(900);

    const answers = await triggerAll(org, (at) => ({ date: addDays("2026-06-11", at) }));

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    const counters = await quota(org);
    expect(counters).toMatchObject({ dayRuns: 4, dayMaxConcurrent: 2 });
    expect(Object.keys(counters?.running ?? {})).toHaveLength(2);
  });
});
