import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  effectiveStatus,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import type { QuotaUnit } from "#shared/quotas/quota.ts";
import { type Reservation, type ReservePorts, reserve, type Snapshots } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { Pipeline } from "./pipeline.ts";
import { type DayRange, daysOf, rangeOf } from "./range.ts";
import {
  type ActiveRunDocument,
  isTerminal,
  type RunDocument,
  type RunIndexDocument,
  type RunStatus,
  runStatuses,
  type TriggerType,
} from "./run.ts";
import { recordRun, withTransition } from "./run-history.ts";
import { runMessage } from "./run-message.ts";
import { activeRunKey, activeRunPath, runIndexPath, runPath } from "./run-paths.ts";
import { shardOf } from "./run-shard.ts";

const optionalText = Type.Optional(plainText(1, 100));

export const RunRequest = strictObject({
  date: Type.Optional(Type.String({ maxLength: 20 })),
  start_date: Type.Optional(Type.String({ maxLength: 20 })),
  end_date: Type.Optional(Type.String({ maxLength: 20 })),
  credential_id: optionalText,
  trigger_by: optionalText,
  force_refresh: Type.Optional(Type.Boolean()),
});
export type RunRequest = Static<typeof RunRequest>;

export const RunAnswer = strictObject({
  run_id: Type.String(),
  pipeline_logging_id: Type.String({ description: "The same value, for older clients" }),
  pipeline_id: Type.String(),
  org_slug: Type.String(),
  status: choice(runStatuses),
  message: Type.String(),
  duplicate: Type.Boolean(),
  range: strictObject({ start_date: Type.String(), end_date: Type.String(), days: Type.Integer() }),
  request_id: Type.String(),
});
export type RunAnswer = Static<typeof RunAnswer>;

export interface TriggerRequest {
  org: OrgIdentity;
  caller: Caller;
  pipeline: Pipeline;
  body: RunRequest;
  /** The same fields, as older clients send them. */
  query: RunRequest;
  requestId: string;
  claimedUser: string | undefined;
  traceparent: string | undefined;
}

const firstCheckMilliseconds = 600_000;

/** A run that is to be made: everything its shared transaction needs, made before it. */
export interface Trigger
  extends Pick<TriggerRequest, "org" | "caller" | "pipeline" | "requestId" | "claimedUser" | "traceparent"> {
  runId: string;
  range: DayRange;
  credentialId: string;
  activeKey: string;
  triggerType: TriggerType;
  triggerBy: string;
  forceRefresh: boolean;
  parameters: Record<string, string>;
  effects: Pick<Effects<RunAnswer>, "prepare" | "conclude">;
  /** What else stands or falls with the run, e.g. the import it is for. */
  alsoWrite?: (change: Change) => void;
}

/**
 * Reserves quota and makes the run with its message, all in one transaction (T1 of `pipelines.md` 6). The same days of
 * the same source again, while the first run lasts, answer that run with 200. A refused call leaves no trace.
 */
export async function triggerRun(
  asked: TriggerRequest,
  effects: Effects<RunAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAnswer>> {
  const { org, pipeline } = asked;
  const request = combined(asked.query, asked.body);
  if (!pipeline.config.enabled) throw new AppError("PIPELINE_DISABLED", "This pipeline is not enabled.");
  const { body: index, readAt } = await ports.documents.get<IntegrationsIndex>(indexPath(org));
  const range = rangeOf(request, pipeline.window, readAt);
  const credentialId = chosenCredential(index, pipeline, request.credential_id);
  const activeKey = activeRunKey(pipeline.config.id, credentialId, range);
  const trigger: Trigger = {
    ...asked,
    range,
    credentialId,
    activeKey,
    triggerType: "api",
    triggerBy: request.trigger_by ?? "api_user",
    forceRefresh: request.force_refresh ?? false,
    parameters: {},
    effects,
    runId: ports.ids.newId("run"),
  };
  return (await runUnderWay(trigger, effects, ports)) ?? reserveRun(trigger, ports);
}

/** Takes quota and makes the run, or answers the same run where it stands already. */
export function reserveRun(trigger: Trigger, ports: ReservePorts): Promise<Reply<RunAnswer>> {
  return reserve(trigger.org, reservationOf(trigger), ports);
}

/** The same run, found without a reservation; one that starts in this very moment is found inside it. */
async function runUnderWay(
  trigger: Trigger,
  effects: Effects<RunAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAnswer> | undefined> {
  const { org, activeKey } = trigger;
  const { body: active } = await ports.documents.get<ActiveRunDocument>(activeRunPath(org.key, activeKey));
  const run = active && (await ports.documents.get<RunDocument>(runPath(org.key, active.runId))).body;
  if (run === undefined || isTerminal(run.status)) return undefined;
  return effects.commit(async (change) => {
    await effects.prepare(change);
    return concluded(trigger, duplicateAnswer(trigger, run.runId, run.status), change);
  });
}

/** One request from query and body; the same field with two values is refused. */
function combined(query: RunRequest, body: RunRequest): RunRequest {
  const contradictions = Object.entries(query).filter(([name, value]) => {
    const other = body[name as keyof RunRequest];
    return other !== undefined && other !== value;
  });
  if (contradictions.length > 0) {
    throw new AppError("CONFLICTING_DATES", "Query and body name different values.", {
      fields: contradictions.map(([name]) => ({ path: `/${name}`, problem: "differs between query and body" })),
    });
  }
  return { ...query, ...body };
}

function chosenCredential(index: IntegrationsIndex | undefined, pipeline: Pipeline, asked: string | undefined): string {
  const ids = Object.keys(index?.providers[pipeline.config.provider]?.credentials ?? {});
  if (ids.length === 0) {
    throw new AppError(
      "INTEGRATION_NOT_CONFIGURED",
      `Connect ${pipeline.config.provider} first: POST /api/v1/integrations/{org}/${pipeline.config.provider}/setup.`,
    );
  }
  if (asked !== undefined) {
    if (!ids.includes(asked))
      throw new AppError("CREDENTIAL_NOT_FOUND", "There is no such credential of this provider.");
    return asked;
  }
  if (ids.length > 1)
    throw new AppError("CREDENTIAL_AMBIGUOUS", "There are several credentials; say which one with credential_id.");
  return ids[0] ?? "";
}

function reservationOf(trigger: Trigger): Reservation<Reply<RunAnswer>> {
  const { org, activeKey, credentialId, effects, pipeline } = trigger;
  const activePath = activeRunPath(org.key, activeKey);
  const credential = credentialPath(org, credentialId);
  return {
    runId: trigger.runId,
    uniqueKey: activeKey,
    reads: [activePath, credential],
    prepare: (change) => effects.prepare(change),
    check: (read) => refuseUnusable(read, credential, pipeline),
    existing: (read, change) => {
      const active = read.get<ActiveRunDocument>(activePath)?.body;
      return active === undefined
        ? undefined
        : concluded(trigger, duplicateAnswer(trigger, active.runId, "PENDING"), change);
    },
    admit: (unit, change) => {
      writeRun(newRun(trigger, unit, change.now), trigger, change);
      trigger.alsoWrite?.(change);
      return concluded(trigger, new Reply(202, answerOf(trigger, trigger.runId, "PENDING", false)), change);
    },
    repeat: (first, change) => concluded(trigger, duplicateAnswer(trigger, first.body.run_id, "PENDING"), change),
  };
}

function refuseUnusable(read: Snapshots, path: string, pipeline: Pipeline): void {
  const snapshot = read.get<CredentialDocument>(path);
  if (snapshot?.body === undefined)
    throw new AppError("INTEGRATION_NOT_CONFIGURED", `Connect ${pipeline.config.provider} first.`);
  const status = effectiveStatus(snapshot.body, snapshot.readAt);
  if (status === "PENDING") throw new AppError("INTEGRATION_NOT_READY", "The credential has not been checked yet.");
  if (status === "INVALID" || status === "EXPIRED")
    throw new AppError("INTEGRATION_INVALID", `The credential is ${status}; replace it with setup.`);
}

function concluded(trigger: Trigger, reply: Reply<RunAnswer>, change: Change): Reply<RunAnswer> {
  const { duplicate, run_id } = reply.body;
  trigger.effects.conclude(change, reply, {
    resourceId: run_id,
    details: { pipeline_id: trigger.pipeline.config.id, range: trigger.range, duplicate },
  });
  return reply;
}

function duplicateAnswer(trigger: Trigger, runId: string, status: RunStatus): Reply<RunAnswer> {
  return new Reply(200, answerOf(trigger, runId, status, true));
}

function answerOf(trigger: Trigger, runId: string, status: RunStatus, isDuplicate: boolean): RunAnswer {
  const { range, pipeline, org } = trigger;
  return {
    run_id: runId,
    pipeline_logging_id: runId,
    pipeline_id: pipeline.config.id,
    org_slug: org.slug,
    status,
    message: isDuplicate
      ? "The same run is under way already."
      : `Accepted; watch GET /api/v1/pipelines/${org.slug}/runs/${runId}.`,
    duplicate: isDuplicate,
    range: { start_date: range.start, end_date: range.end, days: daysOf(range).length },
    request_id: trigger.requestId,
  };
}

function newRun(trigger: Trigger, unit: QuotaUnit, now: Date): RunDocument {
  const { pipeline, org, caller } = trigger;
  const createdAt = now.toISOString();
  return {
    runId: trigger.runId,
    org,
    pipelineId: pipeline.config.id,
    provider: pipeline.config.provider,
    domain: pipeline.config.domain,
    pipeline: pipeline.word,
    credentialId: trigger.credentialId,
    status: "PENDING",
    triggerType: trigger.triggerType,
    triggerBy: trigger.triggerBy,
    actor: caller.credentialId,
    claimedUser: trigger.claimedUser ?? null,
    range: trigger.range,
    forceRefresh: trigger.forceRefresh,
    parameters: trigger.parameters,
    config: pipeline.config,
    configDigest: pipeline.digest,
    unit,
    lease: null,
    fence: 0,
    claims: 0,
    recoveries: 0,
    wakeAt: null,
    cancel: null,
    activeKey: trigger.activeKey,
    createdAt,
    startedAt: null,
    endedAt: null,
    deadlineAt: new Date(now.getTime() + pipeline.config.timeout_seconds * 1000).toISOString(),
    stepsDone: 0,
    transitions: 0,
    stateSince: createdAt,
    warnings: [],
    findings: [],
    result: null,
    error: null,
  };
}

function writeRun(fresh: RunDocument, trigger: Trigger, change: Change): void {
  const { org } = trigger;
  const run = withTransition(fresh, { from: "NEW", to: "PENDING", reason: "requested" }, change);
  change.create(runPath(org.key, run.runId), run);
  change.create<RunIndexDocument>(runIndexPath(run.runId), {
    org: org.key,
    status: "PENDING",
    nextCheckAt: new Date(change.now.getTime() + firstCheckMilliseconds).toISOString(),
    shard: shardOf(run.runId),
    publications: 0,
  });
  change.create<ActiveRunDocument>(activeRunPath(org.key, run.activeKey), { runId: run.runId });
  recordRun(run, 1, change);
  change.publish(runMessage(run, "run.start", trigger.traceparent), org);
}
