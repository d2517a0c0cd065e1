import type { Waiting } from "#shared/providers/waiting.ts";
import { type AppError, isAppError } from "#shared/runtime/errors.ts";
import { type Claim, claimRun, isStillOurs, parkRun, renewLease } from "./claim.ts";
import { levelsOf } from "./dag.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { isRunFailure, runErrorOf } from "./failures.ts";
import { type Ending, finishRun } from "./finish.ts";
import { LeaseLost, Parked } from "./lease-lost.ts";
import { publishRun } from "./publication.ts";
import type { RunDocument, StepDocument } from "./run.ts";
import type { RunMessage } from "./run-message.ts";
import { openSession, type RunSession } from "./session.ts";
import { runStep, type StepOutcome } from "./steps.ts";

export interface EngineOptions {
  waiting?: Waiting;
  renewEveryMilliseconds?: number;
  /** Then the run is parked for a moment and goes on in a fresh invocation, before the platform ends this one. */
  softDeadlineMilliseconds?: number;
}

const defaults = { renewEveryMilliseconds: 30_000, softDeadlineMilliseconds: 420_000 };

/**
 * Works on the run that a message names, until it has ended, is parked, or belongs to somebody else. Safe to call any
 * number of times at once: the claim decides. Throws only when our own machinery fails; then the message comes back.
 */
export async function processRun(
  message: Pick<RunMessage, "org" | "run_id">,
  ports: EnginePorts,
  options: EngineOptions = {},
): Promise<void> {
  const holder = ports.ids.newId("hold");
  const claimed = await claimRun(message.org, message.run_id, holder, ports);
  if (claimed.kind === "nothing") return;
  const place = { orgKey: message.org, runId: message.run_id };
  if (claimed.kind === "failed") {
    await finishRun(
      place,
      await endingOf(claimed.error, claimed.run, ports),
      (run) => run.claims === claimed.run.claims,
      ports,
    );
    return;
  }
  const { claim } = claimed;
  if (claim.run.recoveries > 0 && claim.run.claims > 1) ports.metrics.count("ca_recoveries_total", {});
  const abort = new AbortController();
  const stopKeeping = keepLease(claim, abort, ports, { ...defaults, ...options });
  try {
    const session = await openSession(claim, abort.signal, ports, options.waiting);
    const steps = await runSteps(session);
    const result = await publishRun(claim, steps, ports);
    const ending: Ending = {
      status: "COMPLETED",
      reason: "all days published",
      result,
      warnings: steps.flatMap((step) => step.warnings),
      findings: steps.flatMap((step) => step.findings),
      stepsDone: steps.length,
    };
    await finishRun(place, ending, (run) => isStillOurs(claim.run, run), ports);
  } catch (error) {
    await endAfter(error, claim, ports);
  } finally {
    stopKeeping();
  }
}

async function runSteps(session: RunSession): Promise<StepDocument[]> {
  const { steps } = session.claim.run.config;
  const outcomes = new Map<string, StepOutcome>();
  for (const level of levelsOf(steps).levels) {
    const settled = await Promise.allSettled(
      level.map(async (step) => {
        const before = [...outcomes.values()];
        outcomes.set(step.id, await runStep(step, steps.indexOf(step), before, session));
      }),
    );
    const failed = settled.find((one): one is PromiseRejectedResult => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  return steps.flatMap((step) => outcomes.get(step.id)?.step ?? []);
}

async function endAfter(error: unknown, claim: Claim, ports: EnginePorts): Promise<void> {
  const { run } = claim;
  const place = { orgKey: run.org.key, runId: run.runId };
  if (error instanceof Parked) return parkRun(run, error.wakeAt, ports);
  if (error instanceof LeaseLost) {
    // A cancel or a deleted credential takes the lease away too: then the run is ours to end.
    await finishRun(
      place,
      { status: "CANCELLED", reason: "cancelled while it ran" },
      (stored) => mayEndCancelled(run, stored),
      ports,
    );
    return;
  }
  if (!isRunFailure(error)) {
    // Our own machinery: the message comes back, and must not find our lease in its way.
    await parkRun(run, ports.clock.now(), ports).catch(() => {});
    throw error;
  }
  await finishRun(place, await endingOf(error, run, ports), (stored) => isStillOurs(run, stored), ports);
}

function mayEndCancelled(mine: RunDocument, stored: RunDocument): boolean {
  return stored.cancel !== null && stored.fence === mine.fence && stored.lease?.holder === mine.lease?.holder;
}

async function endingOf(error: AppError, run: RunDocument, ports: EnginePorts): Promise<Ending> {
  if (error.code === "CANCELLED") return { status: "CANCELLED", reason: error.message };
  ports.log.warn({ run: run.runId, org: run.org.key, code: error.code, reason: error.message }, "run failed");
  return {
    status: "FAILED",
    reason: error.code,
    error: await runErrorOf(error, { stepId: stepOf(error), retryCount: run.claims }),
  };
}

function stepOf(error: AppError): string | null {
  const step = error.extra["step_id"];
  return typeof step === "string" ? step : null;
}

/** Renews the lease while the work lasts and aborts the work when the lease is lost or the time is over. */
function keepLease(
  claim: Claim,
  abort: AbortController,
  ports: EnginePorts,
  options: Required<Pick<EngineOptions, "renewEveryMilliseconds" | "softDeadlineMilliseconds">>,
): () => void {
  const renew = async (): Promise<void> => {
    try {
      if (!(await renewLease(claim.run, ports))) abort.abort(new LeaseLost());
    } catch (error) {
      // The store may be away for a moment; the next renewal or the transaction that publishes decides.
      if (!isAppError(error)) throw error;
      ports.log.warn({ run: claim.run.runId, code: error.code }, "lease not renewed");
    }
  };
  const renewal = setInterval(() => void renew(), options.renewEveryMilliseconds);
  const deadline = setTimeout(() => abort.abort(new Parked(ports.clock.now())), options.softDeadlineMilliseconds);
  renewal.unref();
  deadline.unref();
  return () => {
    clearInterval(renewal);
    clearTimeout(deadline);
  };
}
