import type { Row } from "#shared/providers/provider.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Claim } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { isRunFailure, isStepRetried } from "./failures.ts";
import { Parked } from "./lease-lost.ts";
import { organizationTables } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import { retryWaitSeconds } from "./retry.ts";
import type { PartDocument, StepDocument } from "./run.ts";
import { partPath, stepPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";
import { moveStep } from "./step-moves.ts";
import { stepProduct } from "./step-work.ts";

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
      const product = await stepProduct(step, before, session);
      const done = await moveStep({ step, index, attempts, status: "COMPLETED", product }, session);
      const { rows } = product;
      return { step: done, rows: rows === undefined ? () => rowsOfParts(done, claim, ports) : async () => rows };
    } catch (error) {
      await failedAttempt(error, { step, index, attempts }, session);
    }
  }
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
