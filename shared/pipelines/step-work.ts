import type { DayPricing } from "#shared/ledger/ledger.ts";
import { pricedWith, unpricedByDay } from "#shared/prices/day-pricing.ts";
import type { Pulled, Row } from "#shared/providers/provider.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { combinedDays } from "./day-states.ts";
import { stepConfig } from "./parameters.ts";
import { costTable, writeParts } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import { platformSteps } from "./platform-steps.ts";
import { priceStep } from "./price-step.ts";
import { daysOf } from "./range.ts";
import { repriceProcessor, repriceStep } from "./reprice-step.ts";
import { saasStep } from "./saas-step.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";
import type { StepOutcome } from "./steps.ts";
import { streamStep } from "./stream-step.ts";
import { userRefs } from "./user-refs.ts";

/** What a step works on. */
export interface StepInput {
  step: Step;
  /** The steps that are over before it. */
  before: readonly StepOutcome[];
  /** What it has found and written so far, where it was handed on. */
  progress: StepProduct;
  /** Milliseconds left of its own time. */
  leftMs: number;
}

/** Does the work of one step, or of the next slice of a long one: pulls or derives rows and writes their batches. */
export async function stepProduct(input: StepInput, session: RunSession): Promise<StepProduct> {
  const { step } = input;
  if (step.processor === repriceProcessor) return repriceStep(input, session);
  const platformStep = platformSteps[step.processor];
  if (platformStep !== undefined) return withinTime(input, session, (signal) => platformStep(input, session, signal));
  const stream = session.adapter?.streams?.[step.processor];
  if (stream !== undefined) return withinTime(input, session, (signal) => streamStep(stream, step, session, signal));
  const observedAt = session.ports.clock.now().toISOString();
  const pulled = await pulledRows(input, session);
  const isSlice = pulled.next !== undefined || input.progress.next !== undefined;
  return {
    sources: { [session.claim.run.credentialId]: pulled.days },
    parts: await writeAll(input, pulled, observedAt, session),
    rowCount: Object.values(pulled.rows).reduce((sum, rows) => sum + rows.length, 0),
    warnings: pulled.warnings,
    findings: pulled.findings,
    dayFences: {},
    ...(pulled.pricing === undefined ? {} : { pricing: pulled.pricing }),
    ...(pulled.countedOn === undefined ? {} : { countedOn: pulled.countedOn }),
    // The slices of a long step are read back together.
    ...(isSlice ? {} : { rows: pulled.rows }),
    ...(pulled.next === undefined ? {} : { next: pulled.next }),
  };
}

type Found = Pulled & { pricing?: Record<string, DayPricing>; countedOn?: string[] };

async function pulledRows(input: StepInput, session: RunSession): Promise<Found> {
  const { step, before, progress } = input;
  const { claim, ports, provider, adapter } = session;
  const { credential } = claim;
  if (step.processor === "saas.costs") return saasStep(progress.next, session);
  if (provider === undefined || adapter === undefined) throw processorUnknown(step);
  if (step.processor === "focus.rows" && adapter.focusRows !== undefined) {
    const rows = await rowsOfAll(before);
    const days = combinedDays(before.map((outcome) => outcome.step))[claim.run.credentialId] ?? {};
    const context = { provider, accountId: credential.accountId, accountName: null, days, rows };
    const pulled = await adapter.focusRows(context);
    return { ...pulled, pricing: unpricedByDay(rows, pulled.rows[costTable] ?? []) };
  }
  if (step.processor === "prices.apply") {
    const usage = before.filter((outcome) => step.depends_on?.includes(outcome.step.stepId) ?? true);
    const days = combinedDays(usage.map((outcome) => outcome.step))[claim.run.credentialId] ?? {};
    const pulled = await priceStep(await rowsOfAll(usage), days, session);
    return { ...pulled, pricing: pricedWith(pulled.rows) };
  }
  const processor = adapter.processors[step.processor];
  if (processor === undefined) throw processorUnknown(step);
  return withinTime(input, session, (signal) =>
    processor({
      provider,
      credential: session.secret,
      credentialId: credential.credentialId,
      accountId: credential.accountId,
      metadata: credential.metadata,
      days: daysOf(claim.run.range),
      config: stepConfig(step, claim.run.parameters),
      signal,
      http: session.http,
      now: ports.clock.now(),
      checkpoint: progress.next,
      isTimeUp: session.isTimeUp,
      userRef: userRefs(claim, ports),
    }),
  );
}

function processorUnknown({ processor }: Step): AppError {
  return new AppError("PROCESSOR_UNKNOWN", `There is no processor ${processor}.`);
}

async function rowsOfAll(outcomes: readonly StepOutcome[]): Promise<Record<string, readonly Row[]>> {
  const all: Record<string, readonly Row[]> = {};
  for (const outcome of outcomes) Object.assign(all, await outcome.rows());
  return all;
}

/** The work under the step's own time limit and the run's abort. */
async function withinTime<T>(
  { step, leftMs }: StepInput,
  session: RunSession,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(leftMs)));
  try {
    return await work(AbortSignal.any([session.signal, timeout]));
  } catch (error) {
    if (session.signal.aborted) throw session.signal.reason;
    if (!timeout.aborted || isAppError(error)) throw error;
    const message = `The step ${step.id} took longer than ${step.timeout_seconds} s.`;
    throw new AppError("STEP_TIMEOUT", message, { cause: error });
  }
}

async function writeAll(
  { step, progress }: StepInput,
  pulled: Pulled,
  observedAt: string,
  session: RunSession,
): Promise<string[]> {
  const days = daysOf(session.claim.run.range);
  const ids: string[] = [];
  for (const [table, rows] of Object.entries(pulled.rows)) {
    const written = { stepId: step.id, table, rows, days, observedAt };
    const before = progress.parts.filter((id) => id.includes(`-${step.id}-${table}-p`)).length;
    ids.push(...(await writeParts(written, before, session)));
  }
  return ids;
}
