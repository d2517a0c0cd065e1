import { isRefusal, publishRefusal } from "#shared/integrations/credential-refusal.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import type { AppError } from "#shared/runtime/errors.ts";
import { isStillOurs } from "./claim.ts";
import { runErrorOf } from "./failures.ts";
import { LeaseLost } from "./lease-lost.ts";
import type { Step } from "./pipeline.ts";
import type { RunDocument, StepDocument } from "./run.ts";
import { recordStep, withTransition } from "./run-history.ts";
import { runPath, stepPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";

/** One move of a step that is to be committed. */
export interface StepMove {
  step: Step;
  index: number;
  attempts: number;
  status: StepDocument["status"];
  /** What it has found and written so far; absent: as stored, or nothing. */
  product?: StepProduct;
  /** Milliseconds this attempt has worked, over all processes; absent: as stored. */
  workedMs?: number;
  error?: AppError;
  reason?: string;
}

/** What a move into a state says of the attempt that ends with it. */
const attemptOutcomes: Partial<Record<StepDocument["status"], string>> = {
  COMPLETED: "completed",
  FAILED: "failed",
  WAITING: "retried",
};

/** Sessions that have their credential asked about again: once is enough for a run. */
const told = new WeakSet<RunSession>();

/** T5: one committed move of a step, refused when the run is not ours any more. */
export async function moveStep(move: StepMove, session: RunSession): Promise<StepDocument> {
  const { claim, ports } = session;
  const { runId, org } = claim.run;
  const error =
    move.error === undefined ? null : await runErrorOf(move.error, { stepId: move.step.id, retryCount: move.attempts });
  const calls = session.takeCalls();
  const isFirstRefusal = move.status === "FAILED" && isRefusal(error?.code) && !told.has(session);
  // Steps fail side by side.
  if (isFirstRefusal) told.add(session);
  const moved = await commitChange(async (change) => {
    const run = await change.get<RunDocument>(runPath(org.key, runId));
    const stored = await change.get<StepDocument>(stepPath(org.key, runId, move.index));
    if (!isStillOurs(claim.run, run.body)) throw new LeaseLost();
    const next = { ...movedStep(move, stored.body, session, change), error };
    next.providerCalls += calls;
    const covered = move.product?.range === undefined ? run.body : { ...run.body, range: move.product.range };
    if (isFirstRefusal) publishRefusal({ org, credential: claim.credential }, change);
    writeStep(covered, next, { move, from: stored.body?.status ?? "PENDING", version: stored.version + 1 }, change);
    return next;
  }, ports);
  const outcome = attemptOutcomes[moved.status];
  if (outcome !== undefined) ports.metrics.count("ca_step_attempts_total", { processor: moved.processor, outcome });
  return moved;
}

function movedStep(
  { step, index, attempts, status, product, workedMs }: StepMove,
  before: StepDocument | undefined,
  session: RunSession,
  change: Change,
): StepDocument {
  const { run } = session.claim;
  const isOver = status === "COMPLETED" || status === "FAILED" || status === "SKIPPED";
  const found = product ?? before;
  return {
    stepLoggingId: `${run.runId}-${step.id}`,
    stepId: step.id,
    processor: step.processor,
    index,
    status,
    attempts,
    startedAt: before?.startedAt ?? change.now.toISOString(),
    endedAt: isOver ? change.now.toISOString() : null,
    rows: product?.rowCount ?? before?.rows ?? 0,
    providerCalls: before?.providerCalls ?? 0,
    sources: found?.sources ?? {},
    pulledFence: run.fence,
    dayFences: found?.dayFences ?? {},
    parts: found?.parts ?? [],
    checkpoint: (product === undefined ? before?.checkpoint : product.next) ?? null,
    workedMs: Math.round(workedMs ?? before?.workedMs ?? 0),
    warnings: found?.warnings ?? [],
    findings: found?.findings ?? [],
    ...(found?.pricing === undefined ? {} : { pricing: found.pricing }),
    ...(found?.countedOn === undefined ? {} : { countedOn: found.countedOn }),
    ...(found?.stored === undefined ? {} : { stored: found.stored }),
    error: null,
  };
}

function writeStep(
  run: RunDocument,
  step: StepDocument,
  at: { move: StepMove; from: StepDocument["status"]; version: number },
  change: Change,
): void {
  const isDone = step.status === "COMPLETED" || step.status === "SKIPPED";
  const stepsDone = run.stepsDone + (isDone && at.from !== step.status ? 1 : 0);
  const move = { from: at.from, to: step.status, reason: at.move.reason ?? step.error?.code ?? null, step };
  change.set<RunDocument>(runPath(run.org.key, run.runId), withTransition({ ...run, stepsDone }, move, change));
  change.set<StepDocument>(stepPath(run.org.key, run.runId, step.index), step);
  recordStep(run, step, at.version, change);
}
