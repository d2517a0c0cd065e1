import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  effectiveStatus,
  type IntegrationsIndex,
  indexPath,
  integrationStatus,
} from "#shared/integrations/credential.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { externalSeconds } from "#shared/pipelines/new-run.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { refuseOtherScope } from "#shared/pipelines/pipeline-scope.ts";
import { daysOf, rangeOf } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { refuseDisabled, refuseWithoutPlans } from "#shared/pipelines/run-refusals.ts";
import { plannedTrigger, reserveRun } from "#shared/pipelines/trigger.ts";
import { chosenCredentials, credentialNeeds, refuseUnusable } from "#shared/pipelines/usable-credentials.ts";
import { type QuotaReport, quotaReport } from "#shared/quotas/quota-report.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { PipelineItem, pipelineItem } from "./pipeline-items.ts";

const text = Type.String();
const word = Type.Optional(plainText(0, 60));
const limit = nullable(Type.Integer());

export const ValidateRequest = strictObject({
  pipeline_id: Type.Optional(plainText(0, 200)),
  category: word,
  provider: word,
  domain: word,
  pipeline: word,
  date: word,
  start_date: word,
  end_date: word,
  credential_id: word,
  reserve: Type.Boolean({ default: false, description: "Take a unit and a slot for an executor outside the platform" }),
  include_credentials: Type.Optional(Type.Boolean({ description: "Without effect: a secret is never answered" })),
});
export type ValidateRequest = Static<typeof ValidateRequest>;

const Check = strictObject({ check: text, ok: Type.Boolean(), code: nullable(text), message: nullable(text) });
type Check = Static<typeof Check>;

export const ValidateAnswer = strictObject({
  valid: Type.Boolean(),
  org_slug: text,
  org_dataset_id: text,
  pipeline_id: nullable(text),
  pipeline_config: nullable(PipelineItem),
  subscription: strictObject({ plan_name: text, status: text }),
  quota: strictObject({
    daily_limit: limit,
    daily_remaining: limit,
    monthly_limit: limit,
    monthly_remaining: limit,
    concurrent_limit: limit,
    concurrent_running: Type.Integer(),
  }),
  credentials: strictObject({ provider: nullable(text), status: text, count: Type.Integer() }),
  range: nullable(strictObject({ start_date: text, end_date: text, days: Type.Integer() })),
  checks: Type.Array(Check),
  error: nullable(text),
  error_code: nullable(text),
  run_id: nullable(text),
});
export type ValidateAnswer = Static<typeof ValidateAnswer>;

/** Which failure names the answer where several checks fail (`pipelines.md` 5). */
const precedence = [
  "PIPELINE_NOT_FOUND",
  "PIPELINE_RETIRED",
  "PIPELINE_DISABLED",
  "SUBSCRIPTION_INACTIVE",
  "INTEGRATION_NOT_CONFIGURED",
  "INTEGRATION_NOT_READY",
  "INTEGRATION_INVALID",
  "INVALID_DATE_RANGE",
  "QUOTA_EXCEEDED",
];

export interface Validation {
  org: OrgIdentity;
  caller: Caller;
  body: ValidateRequest;
  requestId: string;
  claimedUser: string | undefined;
  traceparent: string | undefined;
}

/**
 * Says whether a run could start now, with all that stands in its way; it takes nothing, so a caller that never comes back
 * leaks nothing. With `reserve` a run is made for an executor outside the platform, which reports its end to `complete`.
 */
export async function validateRun(
  asked: Validation,
  effects: Effects<ValidateAnswer>,
  ports: ReservePorts,
): Promise<ValidateAnswer> {
  const answer = await examined(asked, ports);
  if (!asked.body.reserve || !answer.valid) {
    return effects.commit(async (change) => {
      await effects.prepare(change);
      effects.conclude(change, answer, { isAudited: true });
      return answer;
    });
  }
  return reserved(asked, answer, effects, ports);
}

async function examined({ org, body }: Validation, ports: ReservePorts): Promise<ValidateAnswer> {
  const { documents } = ports;
  const [organization, index] = await documents.getAll<object>([orgPath(org.key), indexPath(org)]);
  const report = await quotaReport(org, documents);
  const checks: Check[] = [];
  const pipeline = await outcomeOf("pipeline", checks, async () => {
    const found = (await pipelines()).byAddress(addressOf(body));
    refuseOtherScope(found, org);
    return found;
  });
  await outcomeOf("enabled", checks, async () => {
    if (pipeline !== undefined) refuseDisabled(pipeline);
  });
  await outcomeOf("subscription", checks, async () => refuseInactive(report));
  const connected = index?.body as IntegrationsIndex | undefined;
  const credentials = await credentialsOf(org, pipeline, connected, documents);
  await outcomeOf("integration", checks, async () => refuseUnconnected({ org, pipeline, connected, body }, documents));
  const range = await outcomeOf("dates", checks, async () =>
    pipeline === undefined ? undefined : rangeOf(body, pipeline.window, index?.readAt ?? ports.clock.now()),
  );
  await outcomeOf("quota", checks, async () => refuseUsedUp(report));
  const failed = checks.filter(({ ok }) => !ok).sort((a, b) => rankOf(a) - rankOf(b));
  return {
    valid: failed.length === 0,
    org_slug: org.slug,
    org_dataset_id: (organization?.body as OrgDocument | undefined)?.dataset.id ?? "",
    pipeline_id: pipeline?.config.id ?? null,
    pipeline_config: pipeline === undefined ? null : pipelineItem(pipeline),
    subscription: { plan_name: report.plan_name, status: report.status },
    quota: quotaOf(report),
    credentials,
    range: range === undefined ? null : { start_date: range.start, end_date: range.end, days: daysOf(range).length },
    checks,
    error: failed[0]?.message ?? null,
    error_code: failed[0]?.code ?? null,
    run_id: null,
  };
}

/** Runs a check and keeps what it said; a failure of our own machinery is thrown on. */
async function outcomeOf<T>(check: string, checks: Check[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await work();
    checks.push({ check, ok: true, code: null, message: null });
    return result;
  } catch (error) {
    if (!isAppError(error) || error.retryable) throw error;
    checks.push({ check, ok: false, code: canonicalCode(error.code), message: error.message });
    return undefined;
  }
}

/** Everything that is wrong with dates has one code here. */
function canonicalCode(code: string): string {
  const ofDates = ["INVALID_DATE", "DATE_IN_FUTURE", "BEFORE_HISTORY", "RANGE_TOO_LONG", "INVALID_BODY"];
  return ofDates.includes(code) ? "INVALID_DATE_RANGE" : code;
}

function rankOf({ code }: Check): number {
  const at = precedence.indexOf(code ?? "");
  return at === -1 ? precedence.length : at;
}

function addressOf({ pipeline_id, category, provider, domain, pipeline }: ValidateRequest): string {
  if (pipeline_id !== undefined) return pipeline_id;
  return [category, provider, domain, pipeline].filter((part) => part !== undefined && part !== "").join("/");
}

function refuseInactive({ can_run, status, blocked_by }: QuotaReport): void {
  if (can_run || (status !== "SUSPENDED" && status !== "CANCELLED" && status !== "EXPIRED")) return;
  throw new AppError(
    "SUBSCRIPTION_INACTIVE",
    `The subscription is ${status}${blocked_by === null ? "" : ` (${blocked_by})`}.`,
  );
}

function refuseUsedUp(report: QuotaReport): void {
  const used = (["daily", "monthly"] as const).find((name) => report[`${name}_remaining`] === 0);
  const isFull = report.concurrent_limit !== null && report.concurrent_pipelines_running >= report.concurrent_limit;
  if (used === undefined && !isFull) return;
  throw new AppError("QUOTA_EXCEEDED", `The ${used ?? "concurrent"} limit of runs is reached.`);
}

interface Wanted {
  org: OrgIdentity;
  pipeline: Pipeline | undefined;
  connected: IntegrationsIndex | undefined;
  body: ValidateRequest;
}

async function refuseUnconnected(
  { org, pipeline, connected, body }: Wanted,
  documents: ReservePorts["documents"],
): Promise<void> {
  if (pipeline === undefined) return;
  await refuseWithoutPlans(pipeline, org, documents);
  const needs = await credentialNeeds(pipeline);
  const chosen = await chosenCredentials({ org, index: connected, asked: body.credential_id }, needs, documents);
  for (const id of chosen) refuseUnusable(await documents.get<CredentialDocument>(credentialPath(org, id)), needs);
}

async function credentialsOf(
  org: OrgIdentity,
  pipeline: Pipeline | undefined,
  index: IntegrationsIndex | undefined,
  documents: ReservePorts["documents"],
): Promise<ValidateAnswer["credentials"]> {
  const provider = pipeline?.config.provider ?? null;
  const ids = Object.keys(index?.providers[provider ?? ""]?.credentials ?? {});
  const stored = await documents.getAll<CredentialDocument>(ids.map((id) => credentialPath(org, id)));
  const statuses = stored.flatMap(({ body, readAt }) => (body === undefined ? [] : effectiveStatus(body, readAt)));
  return { provider, status: integrationStatus(statuses), count: statuses.length };
}

function quotaOf(report: QuotaReport): ValidateAnswer["quota"] {
  const { daily_limit, daily_remaining, monthly_limit, monthly_remaining, concurrent_limit } = report;
  return {
    ...{ daily_limit, daily_remaining, monthly_limit, monthly_remaining, concurrent_limit },
    concurrent_running: report.concurrent_pipelines_running,
  };
}

async function reserved(
  asked: Validation,
  answer: ValidateAnswer,
  effects: Effects<ValidateAnswer>,
  ports: ReservePorts,
): Promise<ValidateAnswer> {
  const { date, start_date, end_date, credential_id } = asked.body;
  const given = Object.entries({ date, start_date, end_date, credential_id }).filter(
    ([, value]) => value !== undefined,
  );
  const pipeline = (await pipelines()).byAddress(addressOf(asked.body));
  const planned = await plannedTrigger({ ...asked, pipeline }, Object.fromEntries(given), ports);
  const withRun = (runId: string): ValidateAnswer => ({ ...answer, run_id: runId });
  const reply = await reserveRun(
    {
      ...planned,
      runs: planned.runs.slice(0, 1),
      triggerType: "external",
      triggerBy: "external",
      isExternal: true,
      slotSeconds: externalSeconds,
      effects: {
        prepare: effects.prepare,
        conclude: (change, made, details) => {
          const body = "run_id" in made ? made : made.body;
          effects.conclude(change, withRun(body.run_id), details);
        },
      },
    },
    ports,
  );
  return withRun(reply.body.run_id);
}
