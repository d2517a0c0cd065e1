import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import {
  type CredentialDocument,
  credentialPath,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import { type PlanLimits, plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import { type Reservation, type ReservePorts, reserve, type Snapshots } from "#shared/quotas/reserve.ts";
import { refuseOverLimit } from "#shared/quotas/runnable-providers.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { refuseInactive } from "#shared/runtime/subscription-gate.ts";
import { newRun, type PlannedRun, type RunOrder, type RunStart, writeRun } from "./new-run.ts";
import { parameterValues } from "./parameters.ts";
import type { Pipeline } from "./pipeline.ts";
import { refuseOtherScope } from "./pipeline-scope.ts";
import { daysOf, rangeOf } from "./range.ts";
import { type ActiveRunDocument, isTerminal, type RunDocument, type RunStatus } from "./run.ts";
import { activeRunKey, activeRunPath, runPath } from "./run-paths.ts";
import { refuseDisabled, refuseWithoutPlans } from "./run-refusals.ts";
import { combined, type RunAnswer, type RunQuery, type RunRequest, type StartedRun } from "./run-request.ts";
import { type CredentialNeeds, chosenCredentials, credentialNeeds, refuseUnusable } from "./usable-credentials.ts";

export interface TriggerRequest {
  org: OrgIdentity;
  caller: Caller;
  pipeline: Pipeline;
  body: RunRequest;
  query: RunQuery;
  requestId: string;
  claimedUser: string | undefined;
  traceparent: string | undefined;
}

/** Runs that are to be made, all or none of them: everything their shared transaction needs, made before it. */
export interface Trigger extends RunOrder {
  /** One per credential. */
  runs: readonly PlannedRun[];
  requestId: string;
  effects: Pick<Effects<RunAnswer>, "prepare" | "conclude">;
  /** Waits for a slot where only that is missing. */
  mayWait?: boolean;
  /** An executor outside the platform does the work. */
  isExternal?: boolean;
  /** How long its slot is kept before somebody has to extend it; 900 unless said. */
  slotSeconds?: number;
  /** What else stands or falls with the run, e.g. the import it is for. */
  alsoWrite?: (change: Change) => void;
}

const maximumDryRunDays = 7;

/**
 * Reserves quota and makes the run with its message, all in one transaction (T1 of `pipelines.md` 6); several usable
 * credentials and none named are one run each. The same days of the same source again, while the first run lasts, answer
 * that run with 200. A refused call leaves no trace.
 */
export async function triggerRun(
  asked: TriggerRequest,
  effects: Effects<RunAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAnswer>> {
  const started = performance.now();
  const request = combined(asked.query, asked.body);
  const trigger = { ...(await plannedTrigger(asked, request, ports)), effects };
  const reply = (await runsUnderWay(trigger, effects, ports)) ?? (await reserveRun(trigger, ports));
  ports.metrics.observe("ca_trigger_seconds", {}, (performance.now() - started) / 1000);
  return reply;
}

/** What a request asks for, with the ids and guards of its runs; in the order of checks of `pipelines.md` 4. */
export async function plannedTrigger(
  asked: Omit<TriggerRequest, "body" | "query">,
  request: RunRequest,
  ports: ReservePorts,
): Promise<Omit<Trigger, "effects">> {
  const { org, pipeline } = asked;
  refuseOtherScope(pipeline, org);
  refuseDisabled(pipeline);
  const parameters = parameterValues(pipeline.config.parameters, request.parameters ?? {});
  const { connected, subscription, now } = await standing(org, ports);
  const range = rangeOf(request, pipeline.window, now);
  const dryRun = request.dry_run ?? false;
  if (dryRun && daysOf(range).length > maximumDryRunDays)
    throw new AppError("RANGE_TOO_LONG", `A dry run covers at most ${maximumDryRunDays} days.`);
  if (!isPlatformScope(org)) refuseInactive("running", subscription);
  await refuseWithoutPlans(pipeline, org, ports.documents);
  const needs = await credentialNeeds(pipeline);
  const choice = { org, index: connected, asked: request.credential_id };
  const credentials = await chosenCredentials(choice, needs, ports.documents);
  return {
    ...asked,
    range,
    runs: credentials.map((credentialId) => ({
      runId: ports.ids.newId("run"),
      credentialId,
      activeKey: activeRunKey(pipeline.config.id, credentialId, range, dryRun),
    })),
    triggerType: "api",
    triggerBy: request.trigger_by ?? "api_user",
    forceRefresh: request.force_refresh ?? false,
    parameters,
    dryRun,
    mayWait: request.queue ?? false,
    ...(request.priority === undefined ? {} : { priority: request.priority }),
  };
}

/** What the organization has connected and may do; `now`: the store's clock, which says what today is. */
async function standing(
  org: OrgIdentity,
  { documents, clock }: ReservePorts,
): Promise<{ connected: IntegrationsIndex | undefined; subscription: EffectiveSubscription; now: Date }> {
  const [index, subscription] = await documents.getAll<object>([indexPath(org), subscriptionPath(org)]);
  const now = index?.readAt ?? clock.now();
  const document = subscription?.body as SubscriptionDocument | undefined;
  const connected = index?.body as IntegrationsIndex | undefined;
  return { connected, subscription: effectiveSubscription(document, await plans(), now), now };
}

/** The same runs, all of them, found without a reservation; one that starts in this very moment is found inside it. */
export async function runsUnderWay(
  trigger: Trigger,
  effects: Pick<Effects<RunAnswer>, "commit">,
  ports: ReservePorts,
): Promise<Reply<RunAnswer> | undefined> {
  const { org, runs } = trigger;
  const active = await ports.documents.getAll<ActiveRunDocument>(
    runs.map(({ activeKey }) => activeRunPath(org.key, activeKey)),
  );
  const ids = active.flatMap(({ body }) => body?.runId ?? []);
  if (ids.length < runs.length) return undefined;
  const stored = await ports.documents.getAll<RunDocument>(ids.map((runId) => runPath(org.key, runId)));
  const found = stored.flatMap(({ body }) => (body === undefined || isTerminal(body.status) ? [] : body));
  if (found.length < runs.length) return undefined;
  const started = found.map((run) => startedRun(run, true));
  return effects.commit(async (change) => {
    await trigger.effects.prepare(change);
    return concluded(trigger, started, change);
  });
}

/** Takes quota and makes the runs, or answers the same runs where they stand already. */
export async function reserveRun(trigger: Trigger, ports: ReservePorts): Promise<Reply<RunAnswer>> {
  const needs = await credentialNeeds(trigger.pipeline);
  const reservation = reservationOf(trigger, needs);
  if (trigger.pipeline.config.counts_toward_quota) return reserve(trigger.org, reservation, ports);
  return commitChange((change) => uncounted(trigger, reservation, change), ports);
}

/** A run that calls no provider and takes nothing from the quota. */
async function uncounted(
  trigger: Trigger,
  reservation: Reservation<Reply<RunAnswer>>,
  change: Change,
): Promise<Reply<RunAnswer>> {
  const stored = await change.getAll<object>(reservation.reads);
  const byPath = new Map(stored.map((snapshot) => [snapshot.path, snapshot]));
  const read = { get: (path: string) => byPath.get(path) } as Snapshots;
  await reservation.prepare(change);
  return reservation.existing(read, change) ?? made(trigger, read, { unit: null, start: startOf(trigger) }, change);
}

function startOf({ isExternal }: Trigger): RunStart {
  return isExternal ? "external" : "published";
}

function reservationOf(trigger: Trigger, needs: CredentialNeeds): Reservation<Reply<RunAnswer>> {
  const { org, runs, effects } = trigger;
  const [first] = runs;
  const start = startOf(trigger);
  // Kept from the last reading, because admitting is told units only.
  let read: Snapshots = { get: () => undefined };
  return {
    runId: first?.runId ?? "",
    uniqueKey: runs.map(({ activeKey }) => activeKey).join("|"),
    reads: [...runs.flatMap((run) => pathsOf(org, run)), indexPath(org)],
    prepare: (change) => effects.prepare(change),
    check: (snapshots, limits) => {
      read = snapshots;
      refuseRefused(trigger, { needs, limits }, snapshots);
    },
    existing: (snapshots, change) => {
      const known = runs.flatMap((run) => knownRun(org, run, snapshots) ?? []);
      return known.length === runs.length ? concluded(trigger, known, change) : undefined;
    },
    admit: (unit, change) => made(trigger, read, { unit, start }, change),
    repeat: (earlier, change) =>
      concluded(
        trigger,
        earlier.body.runs.map((run) => ({ ...run, duplicate: true })),
        change,
      ),
    ...(runs.length > 1 ? { runIds: (snapshots) => missing(org, runs, snapshots).map(({ runId }) => runId) } : {}),
    ...(trigger.mayWait
      ? { wait: (change) => made(trigger, read, { unit: null, start: "waiting_slot" }, change) }
      : {}),
    ...(trigger.slotSeconds === undefined ? {} : { slotSeconds: trigger.slotSeconds }),
  };
}

function pathsOf(org: OrgIdentity, { activeKey, credentialId }: PlannedRun): string[] {
  return [activeRunPath(org.key, activeKey), credentialPath(org, credentialId)];
}

function refuseRefused(
  { org, runs, pipeline }: Trigger,
  { needs, limits }: { needs: CredentialNeeds; limits: PlanLimits },
  read: Snapshots,
): void {
  for (const { credentialId } of runs)
    refuseUnusable(read.get<CredentialDocument>(credentialPath(org, credentialId)), needs);
  const connected = read.get<IntegrationsIndex>(indexPath(org))?.body?.providers ?? {};
  refuseOverLimit(pipeline.config.provider, connected, limits.providers);
}

function knownRun(org: OrgIdentity, { activeKey, credentialId }: PlannedRun, read: Snapshots): StartedRun | undefined {
  const active = read.get<ActiveRunDocument>(activeRunPath(org.key, activeKey))?.body;
  if (active === undefined) return undefined;
  return {
    run_id: active.runId,
    credential_id: credentialId,
    status: "PENDING",
    queue_state: "published",
    duplicate: true,
  };
}

function missing(org: OrgIdentity, runs: readonly PlannedRun[], read: Snapshots): PlannedRun[] {
  return runs.filter((run) => knownRun(org, run, read) === undefined);
}

/** Makes the runs that do not stand yet. */
function made(
  trigger: Trigger,
  read: Snapshots,
  taken: { unit: Parameters<typeof newRun>[2]["unit"]; start: RunStart },
  change: Change,
): Reply<RunAnswer> {
  // The store's clock, by which its deadline will be judged; this instance's may be minutes off.
  const now = read.get(indexPath(trigger.org))?.readAt ?? change.now;
  const started = trigger.runs.map((planned) => {
    const known = knownRun(trigger.org, planned, read);
    if (known !== undefined) return known;
    const run = newRun(trigger, planned, { ...taken, now });
    writeRun(run, trigger.traceparent, change);
    return startedRun(run, false);
  });
  trigger.alsoWrite?.(change);
  return concluded(trigger, started, change);
}

function startedRun(run: RunDocument, duplicate: boolean): StartedRun {
  const { runId: run_id, credentialId: credential_id, status, queueState: queue_state } = run;
  return { run_id, credential_id, status, queue_state, duplicate };
}

function concluded(trigger: Trigger, runs: readonly StartedRun[], change: Change): Reply<RunAnswer> {
  const isDuplicate = runs.every((run) => run.duplicate);
  const reply = new Reply(isDuplicate ? 200 : 202, answerOf(trigger, runs, isDuplicate));
  const { pipeline, range } = trigger;
  trigger.effects.conclude(change, reply, {
    resourceId: reply.body.run_id,
    details: { pipeline_id: pipeline.config.id, range, duplicate: isDuplicate, runs: runs.map(({ run_id }) => run_id) },
  });
  return reply;
}

function answerOf(trigger: Trigger, runs: readonly StartedRun[], isDuplicate: boolean): RunAnswer {
  const { range, pipeline, org } = trigger;
  const first = runs.find((run) => !run.duplicate) ?? runs[0];
  if (first === undefined) throw new Error("a trigger without runs");
  return {
    run_id: first.run_id,
    pipeline_logging_id: first.run_id,
    pipeline_id: pipeline.config.id,
    org_slug: org.slug,
    status: first.status satisfies RunStatus,
    message: isDuplicate
      ? "The same run is under way already."
      : first.queue_state === "waiting_slot"
        ? "Accepted; it waits for a slot."
        : `Accepted; watch GET /api/v1/pipelines/${org.slug}/runs/${first.run_id}.`,
    duplicate: isDuplicate,
    range: { start_date: range.start, end_date: range.end, days: daysOf(range).length },
    queue_state: first.queue_state,
    backfill_id: null,
    runs: [...runs],
    request_id: trigger.requestId,
  };
}
