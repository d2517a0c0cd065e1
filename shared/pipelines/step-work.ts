import { providerAdapter } from "#shared/providers/adapters.ts";
import type { Finding, Pulled, Row } from "#shared/providers/provider.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { writeParts } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import { type DayRange, daysOf } from "./range.ts";
import type { SourceDays, StepDocument } from "./run.ts";
import type { RunSession } from "./session.ts";
import type { StepOutcome } from "./steps.ts";
import { streamStep } from "./stream-step.ts";
import { userRefs } from "./user-refs.ts";

/** What a step has found and written. */
export interface StepProduct {
  sources: SourceDays;
  /** Batch ids. */
  parts: string[];
  rowCount: number;
  warnings: string[];
  findings: Finding[];
  /** Rows by table as this process holds them; absent where they were too many to hold. */
  rows?: Record<string, readonly Row[]>;
  /** The days the run turned out to cover, where a file decides. */
  range?: DayRange;
}

/** Does the work of one step: pulls or derives rows and writes their batches. */
export async function stepProduct(
  step: Step,
  before: readonly StepOutcome[],
  session: RunSession,
): Promise<StepProduct> {
  const adapter = providerAdapter(session.provider.slug);
  const stream = adapter.streams?.[step.processor];
  if (stream !== undefined) return withinTime(step, session, (signal) => streamStep(stream, step, session, signal));
  const observedAt = session.ports.clock.now().toISOString();
  const pulled = await pulledRows(step, before, session);
  return {
    sources: { [session.claim.run.credentialId]: pulled.days },
    parts: await writeAll(step, pulled, observedAt, session),
    rowCount: Object.values(pulled.rows).reduce((sum, rows) => sum + rows.length, 0),
    warnings: pulled.warnings,
    findings: pulled.findings,
    rows: pulled.rows,
  };
}

async function pulledRows(step: Step, before: readonly StepOutcome[], session: RunSession): Promise<Pulled> {
  const { claim, ports, provider } = session;
  const { credential } = claim;
  const adapter = providerAdapter(provider.slug);
  if (step.processor === "focus.rows" && adapter.focusRows !== undefined) {
    const rows = await rowsOfAll(before);
    const days = combinedDays(before.map((outcome) => outcome.step))[claim.run.credentialId] ?? {};
    return adapter.focusRows({ provider, accountId: credential.accountId, accountName: null, days, rows });
  }
  const processor = adapter.processors[step.processor];
  if (processor === undefined) throw new AppError("PROCESSOR_UNKNOWN", `There is no processor ${step.processor}.`);
  return withinTime(step, session, (signal) =>
    processor({
      provider,
      credential: session.secret,
      credentialId: credential.credentialId,
      accountId: credential.accountId,
      metadata: credential.metadata,
      days: daysOf(claim.run.range),
      config: step.config,
      signal,
      http: session.http,
      now: ports.clock.now(),
      checkpoint: undefined,
      userRef: userRefs(claim, ports),
    }),
  );
}

async function rowsOfAll(outcomes: readonly StepOutcome[]): Promise<Record<string, readonly Row[]>> {
  const all: Record<string, readonly Row[]> = {};
  for (const outcome of outcomes) Object.assign(all, await outcome.rows());
  return all;
}

/** The work under the step's own time limit and the run's abort. */
async function withinTime<T>(step: Step, session: RunSession, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout(step.timeout_seconds * 1000);
  try {
    return await work(AbortSignal.any([session.signal, timeout]));
  } catch (error) {
    if (session.signal.aborted) throw session.signal.reason;
    if (!timeout.aborted || isAppError(error)) throw error;
    const message = `The step ${step.id} took longer than ${step.timeout_seconds} s.`;
    throw new AppError("STEP_TIMEOUT", message, { cause: error });
  }
}

async function writeAll(step: Step, pulled: Pulled, observedAt: string, session: RunSession): Promise<string[]> {
  const { claim, ports } = session;
  const days = daysOf(claim.run.range);
  const ids: string[] = [];
  for (const [table, rows] of Object.entries(pulled.rows)) {
    ids.push(...(await writeParts({ stepId: step.id, table, rows, days, observedAt }, claim, ports)));
  }
  return ids;
}

/** A day is as good as the worst that any step knows of it; it is empty only when no step has anything. */
export function combinedDays(steps: readonly StepDocument[]): SourceDays {
  const combined: SourceDays = {};
  for (const step of steps) {
    for (const [source, days] of Object.entries(step.sources)) {
      const known = combined[source] ?? {};
      for (const [day, state] of Object.entries(days)) known[day] = worse(known[day], state);
      combined[source] = known;
    }
  }
  return combined;
}

type State = SourceDays[string][string];

function worse(one: State | undefined, other: State): State {
  if (one === undefined) return other;
  for (const state of ["unavailable", "partial", "complete"] as const)
    if (one === state || other === state) return state;
  return "empty";
}
