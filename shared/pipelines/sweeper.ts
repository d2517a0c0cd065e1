import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { allDocuments, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { isHeld } from "./claim.ts";
import { runErrorOf } from "./failures.ts";
import { finishRun } from "./finish.ts";
import { queueCheckMilliseconds } from "./new-run.ts";
import { admitQueueMessage } from "./queue-message.ts";
import { isTerminal, type RunDocument, type RunIndexDocument } from "./run.ts";
import { runMessage } from "./run-message.ts";
import { runIndexPath, runPath } from "./run-paths.ts";
import { runShards } from "./run-shard.ts";

type SweepPorts = { documents: Documents; topics: Topics } & Surroundings;
type Due = Snapshot<RunIndexDocument> & { body: RunIndexDocument };

const pageSize = 100;
const maximumPublications = 5;
const checkAgainMilliseconds = 600_000;

/**
 * Looks at every run whose check is due and puts it right: a lost message is published again, a dead lease is handed
 * on, a parked run is woken, a run past its deadline or with a request to end is ended. Each in its own transaction
 * that reads the run again. Answers how many were touched.
 */
export async function sweepRuns(ports: SweepPorts): Promise<number> {
  let touched = 0;
  // What is due is due by the store's clock: this instance's may be minutes off.
  const { readAt } = await ports.documents.get(runIndexPath("clock"));
  for (let shard = 0; shard < runShards; shard++) {
    for (const due of await runsOfShard(shard, readAt.toISOString(), ports))
      if (await isPutRight(due, ports)) touched += 1;
  }
  return touched;
}

/**
 * For the one process that owns the whole store: what an earlier boot held it holds no longer. Their leases end at once
 * and every live run becomes due.
 */
export async function forgetEarlierBoot(ports: SweepPorts): Promise<void> {
  for (let shard = 0; shard < runShards; shard++) {
    for (const { path, body } of await runsOfShard(shard, "9999-12-31T23:59:59.999Z", ports)) {
      const runId = path.split("/").at(-1) ?? "";
      await commitChange(async (change) => {
        const stored = await change.get<RunDocument>(runPath(body.org, runId));
        const index = await change.get<RunIndexDocument>(path);
        if (stored.body === undefined || index.body === undefined) return;
        const past = new Date(0).toISOString();
        if (stored.body.lease !== null) {
          change.set<RunDocument>(stored.path, { ...stored.body, lease: { ...stored.body.lease, expiresAt: past } });
        }
        if (stored.body.wakeAt === null) change.set<RunIndexDocument>(path, { ...index.body, nextCheckAt: past });
      }, ports);
    }
  }
}

async function runsOfShard(shard: number, until: string, ports: SweepPorts): Promise<Due[]> {
  const due: WholeQuery = {
    collection: "runIndex",
    filters: [
      { field: "shard", is: "==", value: shard },
      { field: "nextCheckAt", is: "<=", value: until },
    ],
    orderBy: [{ field: "nextCheckAt", direction: "asc" }],
    limit: pageSize,
  };
  return allDocuments<RunIndexDocument>(due, ports.documents);
}

/** One run that cannot be put right is left for the next sweep; it holds back no other. */
async function isPutRight(due: Due, ports: SweepPorts): Promise<boolean> {
  try {
    await putRight(due, ports);
    return true;
  } catch (error) {
    // A store that does not answer is the trouble of all of them.
    if (isAppError(error) && error.retryable) throw error;
    ports.log.error({ run: due.path, err: error }, "a run was not put right");
    return false;
  }
}

async function putRight(due: Due, ports: SweepPorts): Promise<void> {
  const runId = due.path.split("/").at(-1) ?? "";
  const place = { orgKey: due.body.org, runId };
  const end = await dueEnding(place, ports);
  if (end !== undefined) {
    // A run that was let in meanwhile has a later deadline.
    const isDue = (run: RunDocument, now: Date): boolean => end.reason !== "RUN_TIMEOUT" || isOverdue(run, now);
    await finishRun(
      place,
      end,
      (run, now) => isDue(run, now) && (run.status === "PENDING" || !isHeld(run, now)),
      ports,
    );
    return;
  }
  await commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(place.orgKey, runId));
    const index = await change.get<RunIndexDocument>(runIndexPath(runId));
    const run = stored.body;
    if (run === undefined || index.body === undefined || isTerminal(run.status)) return;
    const nextCheckAt = new Date(stored.readAt.getTime() + checkAgainMilliseconds).toISOString();
    if (isHeld(run, stored.readAt)) {
      change.set<RunIndexDocument>(index.path, { ...index.body, nextCheckAt: run.lease?.expiresAt ?? nextCheckAt });
      return;
    }
    if (run.queueState === "waiting_slot") {
      const soon = new Date(stored.readAt.getTime() + queueCheckMilliseconds).toISOString();
      change.set<RunIndexDocument>(index.path, { ...index.body, nextCheckAt: soon });
      change.publish(admitQueueMessage(run.org.key), run.org);
      return;
    }
    const publications = run.status === "PENDING" ? index.body.publications + 1 : index.body.publications;
    change.set<RunIndexDocument>(index.path, { ...index.body, nextCheckAt, publications });
    change.publish(runMessage(run, run.status === "PENDING" ? "run.start" : "run.wake"), run.org);
  }, ports);
}

/** Why a due run has to end here, if it has to. */
async function dueEnding(place: { orgKey: string; runId: string }, ports: SweepPorts) {
  const stored = await ports.documents.get<RunDocument>(runPath(place.orgKey, place.runId));
  const index = await ports.documents.get<RunIndexDocument>(runIndexPath(place.runId));
  const run = stored.body;
  if (run === undefined || isTerminal(run.status) || isHeld(run, stored.readAt)) return undefined;
  if (run.cancel !== null) return { status: "CANCELLED" as const, reason: run.cancel.reason };
  const failed = async (code: string, message: string) => ({
    status: "FAILED" as const,
    reason: code,
    error: await runErrorOf(new AppError(code, message), { stepId: null, retryCount: run.claims }),
  });
  if (isOverdue(run, stored.readAt)) return failed("RUN_TIMEOUT", timeoutText(run));
  if (run.status === "PENDING" && (index.body?.publications ?? 0) >= maximumPublications) {
    return failed("NO_CLAIM", `No processor took the run although it was announced ${maximumPublications} times.`);
  }
  return undefined;
}

function isOverdue(run: RunDocument, now: Date): boolean {
  return Date.parse(run.deadlineAt) <= now.getTime();
}

function timeoutText(run: RunDocument): string {
  if (run.queueState === "waiting_slot") return "No slot was free within 24 hours.";
  if (run.triggerType === "external") return "The executor did not report its end within 30 minutes.";
  return `The run did not end within ${run.config.timeout_seconds} s.`;
}
