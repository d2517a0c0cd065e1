import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import {
  type BatchShardDocument,
  batchShardPath,
  type OrgBatchDocument,
  orgBatchPath,
} from "#shared/pipelines/batch-counts.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type OutboxDocument, outboxShards } from "#shared/runtime/outbox.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { type BatchRunDocument, batchRunPath, batchShards, isBatchRunId, runIdIn } from "./batch-run.ts";
import { batchTimer, batchTotals, wakeBatch } from "./create-batch.ts";
import { type BatchPublishAnswer, publishBatch } from "./publish-batch.ts";
import { listBatchRuns, readBatchRun } from "./read-batch-runs.ts";
import { type RunAllAnswer, runAll } from "./run-all.ts";
import { takeBatchShard } from "./work-shard.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
const openai = "openai-cost-usage-cost";
let world: World;
let one: OrgIdentity;
let two: OrgIdentity;
let bare: OrgIdentity;

beforeAll(async () => {
  world = await startWorld();
  ({ org: one } = await world.onboarded("batch_one"));
  ({ org: two } = await world.onboarded("batch_two"));
  ({ org: bare } = await world.onboarded("batch_bare"));
  await world.connected(one, "batchaccount1");
  await world.connected(two, "batchaccount2");
}, 60_000);
afterAll(() => world.stop());

async function published(
  date: string,
  more: { org_slugs?: string[]; max_jitter_seconds?: number } = {},
  ports: EnginePorts = world.ports,
): Promise<BatchPublishAnswer> {
  const { org_slugs = [one.slug, two.slug], max_jitter_seconds = 0 } = more;
  const body = { org_slugs, pipeline_id: openai, parameters: { date }, randomize_delay: true, max_jitter_seconds };
  return (await publishBatch({ body, caller }, plainEffects<BatchPublishAnswer>(ports), ports)).body;
}

async function all(body: Partial<Parameters<typeof runAll>[0]["body"]> = {}): Promise<RunAllAnswer> {
  const asked = { categories: [], providers: [], dry_run: false, ...body };
  return (await runAll({ body: asked, caller }, plainEffects<RunAllAnswer>(world.ports), world.ports)).body;
}

async function runsOf(org: OrgIdentity, batchRunId?: string): Promise<RunDocument[]> {
  const query = {
    collection: `orgs/${org.key}/runs`,
    filters: [{ field: "triggerType", is: "==" as const, value: "batch" }],
    orderBy: [{ field: "createdAt", direction: "desc" as const }],
  };
  const found = await allDocuments<RunDocument>(query, world.ports.documents);
  return found.map(({ body }) => body).filter((run) => batchRunId === undefined || run.batchRunId === batchRunId);
}

async function delivered(batchRunId: string): Promise<void> {
  for (let shard = 0; shard < batchShards; shard++)
    await takeBatchShard({ v: 1, batch_run_id: batchRunId, shard }, world.ports);
}

async function ended(org: OrgIdentity, status: "COMPLETED" | "CANCELLED"): Promise<void> {
  const open = (await runsOf(org)).filter((run) => run.endedAt === null);
  for (const { runId } of open) {
    if (status === "COMPLETED") await world.process(org, runId);
    else await finishRun({ orgKey: org.key, runId }, { status, reason: "by the test" }, () => true, world.ports);
  }
}

const entryOf = async (org: OrgIdentity, batchRunId: string): Promise<OrgBatchDocument | undefined> =>
  (await world.ports.documents.get<OrgBatchDocument>(orgBatchPath(org.key, batchRunId))).body;

/** Rows of runs that wait for their way to the warehouse, with ids that begin so, in the order of their versions. */
async function historyOf(prefix: string): Promise<Record<string, unknown>[]> {
  const { documents } = world.ports;
  const shards = Array.from({ length: outboxShards }, (_, shard) => shard);
  const found = await Promise.all(
    shards.map((shard) =>
      allDocuments<OutboxDocument>(
        {
          collection: "outbox",
          filters: [
            { field: "shard", is: "==", value: shard },
            { field: "state", is: "==", value: "PENDING" },
            { field: "nextAttemptAt", is: "<=", value: "9999-12-31T23:59:59.999Z" },
          ],
          orderBy: [{ field: "nextAttemptAt", direction: "asc" }],
        },
        documents,
      ),
    ),
  );
  const rows = found.flat().flatMap(({ body }) => {
    const { table, rows: own } = body.payload as { table?: string; rows?: Record<string, unknown>[] };
    return table === "org_meta_pipeline_runs" ? (own ?? []) : [];
  });
  return rows
    .filter((row) => String(row["pipeline_logging_id"]).startsWith(prefix))
    .sort((a, b) => Number(a["version"]) - Number(b["version"]));
}

describe("a batch", () => {
  it("gives a run the same id whenever it is asked for, in the form of any run", () => {
    const source = { orgKey: "acme", pipelineId: openai, credentialId: "crd_1" };
    const batchRunId = "batch_01M7ZTN7P65E9T04842CS2FSM6";

    const id = runIdIn(batchRunId, source);

    expect(isBatchRunId(batchRunId)).toBe(true);
    expect(id).toMatch(/^run_01M7ZTN7P6[0-9A-HJKMNP-TV-Z]{16}$/);
    expect(runIdIn(batchRunId, source)).toBe(id);
    expect(runIdIn(batchRunId, { ...source, credentialId: "crd_2" })).not.toBe(id);
  });

  it("starts one pipeline for each organization it can, and says who was passed over for what", async () => {
    const slugs = [one.slug, "BATCH_TWO", bare.slug, "nobody_here", "../etc", one.slug];

    const answer = await published("2026-07-01", { org_slugs: slugs });

    expect(answer).toMatchObject({ status: "published", pipeline_id: openai, published_count: 2 });
    expect(answer.skipped).toHaveLength(3);
    expect(answer.skipped).toEqual(
      expect.arrayContaining([
        { org_slug: "nobody_here", error: "ORG_NOT_FOUND" },
        { org_slug: "../etc", error: "ORG_NOT_FOUND" },
        { org_slug: bare.slug, error: "INTEGRATION_NOT_CONFIGURED" },
      ]),
    );
    const [run] = await runsOf(one, answer.batch_run_id);
    expect(run).toMatchObject({ triggerType: "batch", triggerBy: "batch", wakeAt: null, status: "PENDING" });
    await ended(one, "CANCELLED");
    await ended(two, "CANCELLED");
  });

  it("spreads the starts: a run sleeps through its organization's share and is announced then, with time of its own", async () => {
    const answer = await published("2026-07-02", { max_jitter_seconds: 3600 });

    const runs = [...(await runsOf(one, answer.batch_run_id)), ...(await runsOf(two, answer.batch_run_id))];
    const now = world.clock.now().getTime();
    for (const run of runs) {
      const wakeAt = Date.parse(run.wakeAt ?? "");
      expect(wakeAt).toBeGreaterThan(now);
      expect(wakeAt).toBeLessThanOrEqual(now + 3_600_000);
      expect(Date.parse(run.deadlineAt)).toBe(wakeAt + run.config.timeout_seconds * 1000);
      await world.process(run.org, run.runId);
      expect((await world.run(run.org, run.runId)).status).toBe("PENDING");
    }
    expect(new Set(runs.map(({ wakeAt }) => wakeAt)).size).toBe(2);
    for (const { org, runId, wakeAt } of runs.sort((a, b) => Date.parse(a.wakeAt ?? "") - Date.parse(b.wakeAt ?? ""))) {
      world.clock.set(wakeAt ?? "");
      expect(await sweepRuns(world.ports)).toBe(1);
      await world.process(org, runId);
    }
    expect(await entryOf(one, answer.batch_run_id)).toMatchObject({
      status: "COMPLETED",
      counts: { runsCompleted: 1 },
    });
  });

  it("passes everybody over where its pipeline is gone since, and ends what it had begun with an organization", async () => {
    const { batch_run_id } = await published("2026-07-06");
    const { documents } = world.ports;
    await ended(one, "COMPLETED");
    await documents.transaction(async (tx) => {
      const { body: batch } = await tx.get<BatchRunDocument>(batchRunPath(batch_run_id));
      const { body: shard } = await tx.get<BatchShardDocument>(batchShardPath(batch_run_id, one.key));
      const { body: entry } = await tx.get<OrgBatchDocument>(orgBatchPath(one.key, batch_run_id));
      if (batch === undefined || shard === undefined || entry === undefined) throw new Error("the batch is not whole");
      tx.set(batchRunPath(batch_run_id), { ...batch, pipelineId: "a-pipeline-that-is-gone" });
      tx.set(batchShardPath(batch_run_id, one.key), { ...shard, next: 0 });
      tx.set(orgBatchPath(one.key, batch_run_id), { ...entry, isStarted: false, status: "RUNNING" });
    });

    await delivered(batch_run_id);

    expect((await batchTotals(batch_run_id, documents)).isStarted).toBe(true);
    expect(await entryOf(one, batch_run_id)).toMatchObject({ status: "COMPLETED", isStarted: true });
    await ended(two, "CANCELLED");
  });

  it("has one row of history for each change of an organization's part, the last of them as the part stands", async () => {
    const { batch_run_id } = await published("2026-07-07", { org_slugs: [one.slug, two.slug] });
    await ended(one, "COMPLETED");
    await ended(two, "CANCELLED");

    const rows = await historyOf(`${batch_run_id}-`);

    const own = rows.filter(({ org_slug }) => org_slug === one.slug);
    expect(own.map(({ operation, version, status }) => [operation, version, status])).toEqual([
      ["CREATE", 1, "RUNNING"],
      ["UPDATE", 2, "RUNNING"],
      ["UPDATE", 3, "COMPLETED"],
    ]);
    const { counts, endedAt, startedAt } = (await entryOf(one, batch_run_id)) ?? {};
    expect(own.at(-1)).toMatchObject({
      ...{ pipeline_logging_id: `${batch_run_id}-${one.key}`, pipeline_id: openai, trigger_type: "batch" },
      ...{ start_time: startedAt, end_time: endedAt, run_metadata: { batch_run_id, ...counts } },
    });
    expect(JSON.stringify(own)).not.toContain(two.slug);
    expect(rows.filter(({ org_slug }) => org_slug === two.slug).at(-1)).toMatchObject({ status: "FAILED" });
  });

  it("shows each organization its own results and counters and no other name", async () => {
    const { batch_run_id } = await published("2026-07-03", { org_slugs: [one.slug, two.slug, bare.slug] });
    const { documents } = world.ports;

    const running = await readBatchRun(one, batch_run_id, documents);
    await ended(one, "COMPLETED");
    await ended(two, "CANCELLED");
    const done = await readBatchRun(one, batch_run_id, documents);
    const list = await listBatchRuns(two, { limit: 1 }, documents);

    expect(running).toMatchObject({ status: "RUNNING", pipelines_triggered: 1, end_time: null });
    expect(done).toMatchObject({ status: "COMPLETED", pipelines_failed: 0, runs_completed: 1 });
    expect(list.runs).toMatchObject([{ batch_run_id, status: "FAILED", runs_cancelled: 1, runs_completed: 0 }]);
    expect(await readBatchRun(bare, batch_run_id, documents)).toMatchObject({
      status: "FAILED",
      results: [{ error_code: "INTEGRATION_NOT_CONFIGURED", run_ids: [] }],
    });
    expect(JSON.stringify(done)).not.toMatch(/batch_two|batch_bare/);
    expect(JSON.stringify(list.runs)).not.toMatch(/batch_one|batch_bare/);
    const { org: stranger } = await world.onboarded("batch_stranger");
    await expect(readBatchRun(stranger, batch_run_id, documents)).rejects.toMatchObject({
      code: "BATCH_RUN_NOT_FOUND",
    });
    await expect(readBatchRun(one, "../batch", documents)).rejects.toMatchObject({ code: "BATCH_RUN_NOT_FOUND" });
  });

  it("takes every pipeline that runs by the clock, of those that are asked for; the plan makes nothing", async () => {
    const before = (await runsOf(one)).length;

    const plan = await all({ dry_run: true });
    const other = await all({ dry_run: true, categories: ["saas"] });
    expect((await runsOf(one)).length).toBe(before);
    const answer = await all({ providers: ["OpenAI"], date: "2026-07-04" });

    expect(plan).toMatchObject({ status: "PLANNED", batch_run_id: null, orgs_processed: 2, pipelines_triggered: 0 });
    expect(plan.results.map(({ org_slug, pipeline_id }) => [org_slug, pipeline_id])).toEqual([
      [one.slug, openai],
      [two.slug, openai],
    ]);
    expect(other).toMatchObject({ orgs_processed: 0, results: [] });
    expect(answer).toMatchObject({ success: true, status: "RUNNING", orgs_processed: 2, pipelines_triggered: 2 });
    expect(answer).toMatchObject({ orgs_skipped: 2, total_integrations: 2, pipelines_failed: 0, errors: [] });
    const again = await all({ providers: ["openai"], date: "2026-07-04", org_slug: "Batch_One" });
    expect(again).toMatchObject({ pipelines_triggered: 0, status: "COMPLETED", results: [{ status: "duplicate" }] });
    await expect(all({ org_slug: "nobody_here" })).rejects.toMatchObject({ code: "ORG_NOT_FOUND" });
    await expect(all({ date: "2026-02-29" })).rejects.toMatchObject({ code: "INVALID_DATE" });
    await ended(one, "CANCELLED");
    await ended(two, "CANCELLED");
  });

  it("plans as many organizations as a request has time for, and says how many", async () => {
    const start = world.clock.now().getTime();
    const looks: number[] = [];
    const clock = { now: () => new Date(start + looks.push(0) * 100_000) };
    const ports = { ...world.ports, clock };
    const body = { categories: [], providers: [], dry_run: true };

    const plan = (await runAll({ body, caller }, plainEffects<RunAllAnswer>(ports), ports)).body;

    expect(plan.orgs_processed + plan.orgs_skipped).toBe(1);
    expect(plan.message).toMatch(/of 1 of \d+ organizations/);
  });

  it("waits for a slot where none is free when its run wakes, however often that is announced", async () => {
    const { org } = await world.onboarded("batch_slot", "FREE");
    await world.connected(org, "batchaccount4");
    const { batch_run_id } = await published("2026-07-02", { org_slugs: [org.slug], max_jitter_seconds: 3600 });
    const [sleeping] = await runsOf(org, batch_run_id);
    const runId = sleeping?.runId ?? "";
    world.clock.set(sleeping?.wakeAt ?? "");
    // Its slot is kept 900 s past its waking at most.
    world.clock.advance(901);
    const { run_id: other } = await world.trigger(org, { date: "2026-07-01" });

    for (let announced = 0; announced < 7; announced++) {
      await sweepRuns(world.ports);
      await world.process(org, runId);
      world.clock.advance(61);
    }

    expect(await world.run(org, runId)).toMatchObject({ status: "PENDING", queueState: "waiting_slot", error: null });
    await finishRun(
      { orgKey: org.key, runId: other },
      { status: "CANCELLED", reason: "a test" },
      () => true,
      world.ports,
    );
    expect(await admitWaiting(org.key, world.ports)).toEqual([runId]);
    await world.process(org, runId);
    expect((await world.run(org, runId)).status).toBe("COMPLETED");
  });

  it("passes over whoever has used up its day, as that and not as a failure", async () => {
    const { org } = await world.onboarded("batch_small", "FREE");
    await world.connected(org, "batchaccount3");
    for (const date of ["2026-06-01", "2026-06-02"]) {
      await all({ org_slug: org.slug, date });
      await ended(org, "COMPLETED");
    }

    const last = await all({ org_slug: org.slug, date: "2026-06-03" });

    expect(last).toMatchObject({ success: true, pipelines_triggered: 0, pipelines_skipped_quota: 1 });
    expect(last.results).toMatchObject([{ status: "skipped_quota" }]);
  });

  it.each(interruptions)("makes each run once when a step %s, and again when its messages come twice", async (how) => {
    let at = 0;
    for (let isReached = true; isReached; ) {
      at += 1;
      let batchRunId = "";
      const ids = {
        newId: (prefix: string) => {
          const id = world.ports.ids.newId(prefix);
          if (prefix === "batch") batchRunId = id;
          return id;
        },
      };
      const interrupted = interruptedAt(at, how, { ...world.ports, ids });
      isReached = true;
      await untilInterrupted(published("2026-07-05", {}, interrupted.ports), interrupted.crashed);
      isReached = interrupted.isReached();
      world.clock.advance(61);
      const timers = {
        ...world.ports,
        commit: <R>(body: Parameters<typeof commitChange<R>>[0]) => commitChange(body, world.ports),
      };
      await takeDueTimers({ [batchTimer]: wakeBatch }, timers);
      await delivered(batchRunId);
      await delivered(batchRunId);

      const made = [await runsOf(one, batchRunId), await runsOf(two, batchRunId)].map(({ length }) => length);
      const totals = await batchTotals(batchRunId, world.ports.documents);
      const isMade = at > 1 || how.endsWith("after");
      expect(made).toEqual(isMade ? [1, 1] : [0, 0]);
      if (isMade) {
        const counts = { triggered: 2, duplicates: 0, failed: 0 };
        expect(totals).toMatchObject({ counts, orgsProcessed: 2, isStarted: true });
        expect((await entryOf(one, batchRunId))?.results).toHaveLength(1);
      }
      await ended(one, "CANCELLED");
      await ended(two, "CANCELLED");
    }
    expect(at).toBeGreaterThan(5);
  });
});
