import { providerAdapter } from "#shared/providers/adapters.ts";
import type { Pulled, Row } from "#shared/providers/provider.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type Claim, isStillOurs } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { isRunFailure, isStepRetried, runErrorOf } from "./failures.ts";
import { LeaseLost, Parked } from "./lease-lost.ts";
import { organizationTables, writeParts } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import { daysOf } from "./range.ts";
import { retryWaitSeconds } from "./retry.ts";
import type { PartDocument, RunDocument, StepDocument } from "./run.ts";
import { recordStep, withTransition } from "./run-history.ts";
import { partPath, runPath, stepPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";

const longestWaitHereSeconds = 60;
const longestRetryAfterSeconds = 21_600;

/** A step that is over, with what later steps and the publication need of it. */
export interface StepOutcome {
  step: StepDocument;
  /** Rows by table: in memory when this process pulled them, else read back when asked. */
  rows(): Promise<Record<string, readonly Row[]>>;
}

/** Runs one step to its end, or answers what an earlier attempt completed. Throws the failure that ends the run, `Parked` or `LeaseLost`. */
export async function runStep(
  step: Step,
  index: number,
  before: readonly StepOutcome[],
  session: RunSession,
): Promise<StepOutcome> {
  const { claim, ports } = session;
  const stored = (await ports.documents.get<StepDocument>(stepPath(claim.run.org.key, claim.run.runId, index))).body;
  if (stored?.status === "COMPLETED") return { step: stored, rows: () => rowsOfParts(stored, claim, ports) };
  let attempts = stored?.attempts ?? 0;
  for (;;) {
    attempts += 1;
    await moveStep({ step, index, attempts, status: "RUNNING" }, session);
    try {
      const observedAt = ports.clock.now().toISOString();
      const pulled = await perform(step, before, session);
      const parts = await writeAll(step, pulled, observedAt, session);
      const done = await moveStep({ step, index, attempts, status: "COMPLETED", pulled, parts }, session);
      return { step: done, rows: async () => pulled.rows };
    } catch (error) {
      await failedAttempt(error, { step, index, attempts }, session);
    }
  }
}

/** The rows a step produces. Only pulling steps call the provider. */
async function perform(step: Step, before: readonly StepOutcome[], session: RunSession): Promise<Pulled> {
  const { claim, ports, provider } = session;
  const adapter = providerAdapter(provider.slug);
  if (step.processor === "focus.rows" && adapter.focusRows !== undefined) {
    const rows = Object.assign({}, ...(await Promise.all(before.map((outcome) => outcome.rows())))) as Record<
      string,
      readonly Row[]
    >;
    const days = combinedDays(before.map((outcome) => outcome.step));
    return adapter.focusRows({ provider, accountId: claim.credential.accountId, accountName: null, days, rows });
  }
  const processor = adapter.processors[step.processor];
  if (processor === undefined) throw new AppError("PROCESSOR_UNKNOWN", `There is no processor ${step.processor}.`);
  const timeout = AbortSignal.timeout(step.timeout_seconds * 1000);
  try {
    return await processor({
      provider,
      credential: session.secret,
      credentialId: claim.credential.credentialId,
      accountId: claim.credential.accountId,
      metadata: claim.credential.metadata,
      days: daysOf(claim.run.range),
      config: step.config,
      signal: AbortSignal.any([session.signal, timeout]),
      http: session.http,
      now: ports.clock.now(),
      checkpoint: undefined,
    });
  } catch (error) {
    if (session.signal.aborted) throw session.signal.reason;
    if (timeout.aborted && !isAppError(error))
      throw new AppError("STEP_TIMEOUT", `The step ${step.id} took longer than ${step.timeout_seconds} s.`, {
        cause: error,
      });
    throw error;
  }
}

/** A day is as good as the worst that any step knows of it; it is empty only when no step has anything. */
export function combinedDays(steps: readonly StepDocument[]): StepDocument["days"] {
  const combined: StepDocument["days"] = {};
  for (const step of steps) {
    for (const [day, state] of Object.entries(step.days)) combined[day] = worse(combined[day], state);
  }
  return combined;
}

function worse(
  one: StepDocument["days"][string] | undefined,
  other: StepDocument["days"][string],
): StepDocument["days"][string] {
  if (one === undefined) return other;
  for (const state of ["unavailable", "partial", "complete"] as const)
    if (one === state || other === state) return state;
  return "empty";
}

async function writeAll(step: Step, pulled: Pulled, observedAt: string, session: RunSession): Promise<string[]> {
  const { claim, ports } = session;
  const ids: string[] = [];
  for (const [table, rows] of Object.entries(pulled.rows)) {
    ids.push(
      ...(await writeParts({ stepId: step.id, table, rows, days: daysOf(claim.run.range), observedAt }, claim, ports)),
    );
  }
  return ids;
}

interface Attempt {
  step: Step;
  index: number;
  attempts: number;
}

/** Returns when the step is to be tried again, here and now; throws otherwise. */
async function failedAttempt(error: unknown, attempt: Attempt, session: RunSession): Promise<void> {
  if (session.signal.aborted) throw session.signal.reason;
  if (!isRunFailure(error)) throw error;
  const { step, attempts } = attempt;
  const wait = retryWaitSeconds(step.retry, attempts, {
    retryAfterSeconds: error.retryAfterSeconds,
    random: session.random(),
  });
  const now = session.ports.clock.now();
  const isPastDeadline = now.getTime() + wait * 1000 > Date.parse(session.claim.run.deadlineAt);
  const isLast =
    !isStepRetried(error) || attempts >= step.retry.max_attempts || wait > longestRetryAfterSeconds || isPastDeadline;
  await moveStep({ ...attempt, status: isLast ? "FAILED" : "WAITING", error }, session);
  if (isLast) throw withStep(error, step.id);
  if (wait > longestWaitHereSeconds) throw new Parked(new Date(now.getTime() + wait * 1000));
  await session.sleep(wait * 1000);
}

function withStep(error: AppError, stepId: string): AppError {
  const { code, message, retryable, retryAfterSeconds, extra } = error;
  return new AppError(code, message, {
    retryable,
    extra: { ...extra, step_id: stepId },
    cause: error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

interface StepMove extends Attempt {
  status: StepDocument["status"];
  pulled?: Pulled;
  parts?: string[];
  error?: AppError;
}

/** T5: one committed move of a step, refused when the run is not ours any more. */
async function moveStep(move: StepMove, session: RunSession): Promise<StepDocument> {
  const { claim, ports } = session;
  const { runId, org } = claim.run;
  const error =
    move.error === undefined ? null : await runErrorOf(move.error, { stepId: move.step.id, retryCount: move.attempts });
  const calls = session.takeCalls(move.step.id);
  return commitChange(async (change) => {
    const run = await change.get<RunDocument>(runPath(org.key, runId));
    const stored = await change.get<StepDocument>(stepPath(org.key, runId, move.index));
    if (!isStillOurs(claim.run, run.body)) throw new LeaseLost();
    const before = stored.body;
    const isOver = move.status === "COMPLETED" || move.status === "FAILED";
    const next: StepDocument = {
      stepLoggingId: `${runId}-${move.step.id}`,
      stepId: move.step.id,
      processor: move.step.processor,
      index: move.index,
      status: move.status,
      attempts: move.attempts,
      startedAt: before?.startedAt ?? change.now.toISOString(),
      endedAt: isOver ? change.now.toISOString() : null,
      rows:
        move.pulled === undefined
          ? (before?.rows ?? 0)
          : Object.values(move.pulled.rows).reduce((sum, rows) => sum + rows.length, 0),
      providerCalls: (before?.providerCalls ?? 0) + calls,
      days: move.pulled?.days ?? {},
      parts: move.parts ?? [],
      warnings: move.pulled?.warnings ?? [],
      findings: move.pulled?.findings ?? [],
      error,
    };
    writeStep(run.body, next, { from: before?.status ?? "PENDING", version: stored.version + 1 }, change);
    return next;
  }, ports);
}

function writeStep(
  run: RunDocument,
  step: StepDocument,
  at: { from: StepDocument["status"]; version: number },
  change: Change,
): void {
  const stepsDone = run.stepsDone + (step.status === "COMPLETED" ? 1 : 0);
  const moved = withTransition(
    { ...run, stepsDone },
    { from: at.from, to: step.status, reason: step.error?.code ?? null, step },
    change,
  );
  change.set<RunDocument>(runPath(run.org.key, run.runId), moved);
  change.set<StepDocument>(stepPath(run.org.key, run.runId, step.index), step);
  recordStep(run, step, at.version, change);
}

/** The rows that a completed step wrote, read back: after a crash the steps after it work on these. */
async function rowsOfParts(
  step: StepDocument,
  claim: Claim,
  ports: EnginePorts,
): Promise<Record<string, readonly Row[]>> {
  const { run, org } = claim;
  const parts = await ports.documents.getAll<PartDocument>(
    step.parts.map((id) => partPath(run.org.key, run.runId, id)),
  );
  const definitions = await organizationTables();
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  const rows: Record<string, Row[]> = {};
  for (const { path, body } of parts) {
    const table = body === undefined ? undefined : definitions.get(body.table);
    if (body === undefined || table === undefined) throw new Error(`the part ${path} of a completed step is gone`);
    const columns = table.columns
      .filter((column) => !column.name.startsWith("x_") || column.name === "x_source_record_id")
      .map((column) => column.name);
    const frame = await ports.warehouse.read(
      { datasetId: org.dataset.id, table },
      [{ batchId: body.batchId, days: Object.keys(body.days) }],
      columns,
    );
    rows[body.table] = [...(rows[body.table] ?? []), ...rowsOf(frame, table)];
  }
  return rows;
}
