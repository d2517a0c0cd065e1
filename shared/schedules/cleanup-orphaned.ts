import { type Static, Type } from "@sinclair/typebox";
import { isHeld } from "#shared/pipelines/claim.ts";
import { runErrorOf } from "#shared/pipelines/failures.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runIndexPath } from "#shared/pipelines/run-paths.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { liveRuns } from "./live-runs.ts";

const count = Type.Integer({ minimum: 0 });

export const CleanupRequest = strictObject({
  timeout_minutes: Type.Integer({ minimum: 10, maximum: 240, default: 60 }),
});

export const CleanupReport = strictObject({
  status: Type.Literal("success"),
  total_pipelines_cleaned: count,
  orgs_processed: count,
  orgs_with_cleanup: count,
  details: Type.Array(strictObject({ org_slug: Type.String(), pipelines_cleaned: count })),
  message: Type.String(),
  executed_at: Type.String({ format: "date-time" }),
});
export type CleanupReport = Static<typeof CleanupReport>;

/** What a lease is given when it is taken or renewed. */
const leaseMilliseconds = 120_000;

/**
 * The sweep now, and the end of runs whose lease was last renewed so long ago: nobody has taken them over. A live lease
 * and a parked run are never touched.
 */
export async function cleanUpOrphaned(
  timeoutMinutes: number,
  effects: Effects<CleanupReport>,
  ports: { documents: Documents; topics: Topics } & Surroundings,
): Promise<CleanupReport> {
  await sweepRuns(ports);
  const { readAt: now } = await ports.documents.get(runIndexPath("clock"));
  const before = now.getTime() - timeoutMinutes * 60_000;
  const orgs = new Set<string>();
  const cleaned = new Map<string, number>();
  for await (const runs of liveRuns(ports.documents)) {
    for (const run of runs) {
      orgs.add(run.org.key);
      if (!isOrphaned(run, before, now) || !(await ended(run, { timeoutMinutes, before, now }, ports))) continue;
      cleaned.set(run.org.slug, (cleaned.get(run.org.slug) ?? 0) + 1);
    }
  }
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const report = reportOf(cleaned, orgs.size, change.now);
    effects.conclude(change, report, { details: { cleaned: report.total_pipelines_cleaned } });
    return report;
  });
}

function isOrphaned(run: RunDocument, before: number, now: Date): boolean {
  if (run.status !== "RUNNING" || run.lease === null || isHeld(run, now)) return false;
  return Date.parse(run.lease.expiresAt) - leaseMilliseconds < before;
}

async function ended(
  run: RunDocument,
  asked: { timeoutMinutes: number; before: number; now: Date },
  ports: { documents: Documents; topics: Topics } & Surroundings,
): Promise<boolean> {
  const failure = new AppError("RUN_TIMEOUT", `The run gave no sign of life for ${asked.timeoutMinutes} minutes.`);
  const error = await runErrorOf(failure, { stepId: null, retryCount: run.claims });
  const ending = { status: "FAILED" as const, reason: "orphaned", error };
  const place = { orgKey: run.org.key, runId: run.runId };
  const done = await finishRun(place, ending, (stored) => isOrphaned(stored, asked.before, asked.now), ports);
  return done !== undefined;
}

function reportOf(cleaned: ReadonlyMap<string, number>, orgs: number, now: Date): CleanupReport {
  const details = [...cleaned].map(([org_slug, pipelines_cleaned]) => ({ org_slug, pipelines_cleaned }));
  const total = details.reduce((sum, { pipelines_cleaned }) => sum + pipelines_cleaned, 0);
  return {
    status: "success",
    total_pipelines_cleaned: total,
    orgs_processed: orgs,
    orgs_with_cleanup: details.length,
    details: details.sort((one, other) => (one.org_slug < other.org_slug ? -1 : 1)),
    message: total === 0 ? "No run was orphaned." : `${total} orphaned runs have failed.`,
    executed_at: now.toISOString(),
  };
}
