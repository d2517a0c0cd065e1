import { isPlatformScope } from "#shared/access/platform-scope.ts";
import type { BudgetLimits } from "#shared/ledger/warehouse-budget.ts";
import type { ProviderAdapter } from "#shared/providers/provider.ts";
import type { Waiting } from "#shared/providers/waiting.ts";
import { type AppError, isAppError } from "#shared/runtime/errors.ts";
import { type Claim, claimRun, isStillOurs } from "./claim.ts";
import { dependenciesOf, levelsOf } from "./dag.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { isRunFailure, runErrorOf } from "./failures.ts";
import { type Ending, finishRun, secondsBetween } from "./finish.ts";
import { keptLease, type WorkTimes, workTimes } from "./keep-lease.ts";
import { LeaseLost, Parked } from "./lease-lost.ts";
import { concludeRun } from "./outcome.ts";
import { parkRun } from "./park.ts";
import { concludePlatform } from "./platform-steps.ts";
import { concludeReprice } from "./reprice-publication.ts";
import { isReprice } from "./reprice-step.ts";
import type { RunDocument, StepDocument } from "./run.ts";
import type { RunMessage } from "./run-message.ts";
import { openSession, type RunSession } from "./session.ts";
import { runStep, type StepOutcome } from "./steps.ts";

export interface EngineOptions extends Partial<WorkTimes> {
  waiting?: Waiting;
  /** In place of the adapters that are part of the house. */
  adapterOf?: (slug: string) => ProviderAdapter;
  /** In place of what the warehouse takes in a day. */
  budget?: BudgetLimits;
}

/**
 * Works on the run that a message names, until it has ended, is handed on, or belongs to somebody else. Safe to call any
 * number of times at once: the claim decides. Throws only when our own machinery fails; then the message comes back.
 */
export async function processRun(
  message: Pick<RunMessage, "org" | "run_id" | "seq">,
  ports: EnginePorts,
  options: EngineOptions = {},
): Promise<void> {
  const holder = ports.ids.newId("hold");
  const claimed = await claimRun({ orgKey: message.org, runId: message.run_id, holder, seq: message.seq }, ports);
  if (claimed.kind === "nothing") return;
  if (claimed.kind === "failed") {
    const { run, error } = claimed;
    await finishRun(placeOf(run), await endingOf(error, run, ports), (stored) => stored.claims === run.claims, ports);
    return;
  }
  await workOn(claimed.claim, ports, options);
}

async function workOn(claim: Claim, ports: EnginePorts, options: EngineOptions): Promise<void> {
  const { run } = claim;
  if (run.recoveries > 0 && run.claims > 1) ports.metrics.count("ca_recoveries_total", {});
  // What a batch run waits before its first claim is its jitter.
  if (run.claims === 1 && run.batchRunId === null && run.startedAt !== null)
    ports.metrics.observe("ca_run_queue_seconds", {}, secondsBetween(run.createdAt, run.startedAt));
  const lease = keptLease(claim, { ...workTimes, ...options }, ports);
  try {
    const { signal, isTimeUp } = lease;
    const { waiting, adapterOf, budget } = options;
    const session = await openSession(claim, { signal, isTimeUp, waiting, adapterOf, budget }, ports);
    const steps = await runSteps(session);
    const { ending, error } = await concluderOf(run)(steps, session);
    const whole: Ending = { ...ending, stepsDone: steps.length };
    const final = error === undefined ? whole : { ...whole, ...(await endingOf(error, run, ports)) };
    await finishRun(placeOf(run), final, (stored) => isStillOurs(run, stored), ports);
  } catch (error) {
    await endAfter(error, claim, ports);
  } finally {
    lease.stop();
  }
}

function concluderOf(run: RunDocument): typeof concludeRun {
  if (isPlatformScope(run.org)) return concludePlatform;
  return isReprice(run) ? concludeReprice : concludeRun;
}

async function runSteps(session: RunSession): Promise<StepDocument[]> {
  const { steps } = session.claim.run.config;
  const outcomes = new Map<string, StepOutcome>();
  for (const level of levelsOf(steps).levels) {
    // Every process does some work before it hands the run on, or it would be handed on for ever.
    const hasWorked = [...outcomes.values()].some(({ isStored }) => !isStored);
    if (hasWorked && session.isTimeUp()) throw new Parked(0, "deadline");
    const settled = await Promise.allSettled(
      level.map(async (step) => {
        const index = steps.indexOf(step);
        const needed = dependenciesOf(steps, index).flatMap((id) => outcomes.get(id) ?? []);
        return [step.id, await runStep({ step, index, before: [...outcomes.values()], needed }, session)] as const;
      }),
    );
    const failed = settled.find((one): one is PromiseRejectedResult => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    for (const one of settled) if (one.status === "fulfilled") outcomes.set(...one.value);
  }
  return steps.flatMap((step) => outcomes.get(step.id)?.step ?? []);
}

async function endAfter(error: unknown, claim: Claim, ports: EnginePorts): Promise<void> {
  const { run } = claim;
  if (error instanceof Parked) return parked(error, run, ports);
  if (isAppError(error, "WAREHOUSE_BUDGET")) {
    const wait = (error.retryAfterSeconds ?? 0) * 1000;
    return parked(new Parked(wait, "budget", `${error.code}: ${error.message}`), run, ports);
  }
  if (error instanceof LeaseLost) {
    // A cancel or a deleted credential takes the lease away too: then the run is ours to end.
    const ending = { status: "CANCELLED" as const, reason: "cancelled while it ran" };
    const ended = await finishRun(placeOf(run), ending, (stored) => mayEndCancelled(run, stored), ports);
    if (ended === undefined) ports.metrics.count("ca_leases_lost_total", {});
    return;
  }
  if (!isRunFailure(error)) {
    // Our own machinery: the message comes back, and must not find our lease in its way.
    await parkRun(run, { waitMilliseconds: 0, reason: "trouble" }, ports).catch(() => {});
    throw error;
  }
  await finishRun(placeOf(run), await endingOf(error, run, ports), (stored) => isStillOurs(run, stored), ports);
}

async function parked(error: Parked, run: RunDocument, ports: EnginePorts): Promise<void> {
  const { waitMilliseconds, reason, message } = error;
  const refused = await parkRun(run, { waitMilliseconds, reason, message }, ports);
  if (refused === undefined) return;
  await finishRun(placeOf(run), await endingOf(refused, run, ports), (stored) => isStillOurs(run, stored), ports);
}

function placeOf(run: RunDocument): { orgKey: string; runId: string } {
  return { orgKey: run.org.key, runId: run.runId };
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
