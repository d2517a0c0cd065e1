import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { eachOrganization } from "#shared/access/each-organization.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { isDay } from "#shared/pipelines/range.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type BatchProgress, createBatch } from "./create-batch.ts";
import { type OrgOutcome, runnable } from "./work-shard.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });

export const RunAllRequest = strictObject({
  org_slug: Type.Optional(plainText(3, 50, { description: "Only this organization" })),
  categories: Type.Array(choice(["cloud", "genai", "saas"]), { maxItems: 3, default: [] }),
  providers: Type.Array(plainText(1, 50), { maxItems: 100, default: [] }),
  date: Type.Optional(plainText(1, 20)),
  dry_run: Type.Boolean({ default: false, description: "Only the plan: nothing is made" }),
});
type RunAllRequest = Static<typeof RunAllRequest>;

const Result = strictObject({
  org_slug: text,
  pipeline_id: text,
  status: choice(["planned", "triggered", "duplicate", "failed", "skipped_quota"]),
  run_ids: Type.Array(text),
  error: nullable(text),
});

export const RunAllAnswer = strictObject({
  success: Type.Boolean({ description: "Without errors so far" }),
  batch_run_id: nullable(text),
  status: choice(["RUNNING", "COMPLETED", "PLANNED"]),
  orgs_processed: count,
  orgs_skipped: count,
  pipelines_triggered: count,
  pipelines_failed: count,
  pipelines_skipped_quota: count,
  total_integrations: count,
  results: Type.Array(Result, { maxItems: 100 }),
  errors: Type.Array(strictObject({ org_slug: text, pipeline_id: text, error: text }), { maxItems: 20 }),
  message: text,
  elapsed_seconds: Type.Number({ minimum: 0, description: "So far" }),
});
export type RunAllAnswer = Static<typeof RunAllAnswer>;

const mostResults = 100;
const mostErrors = 20;
/** So long a plan is worked on. */
const planMilliseconds = 120_000;

/**
 * Runs every pipeline that organizations can use and that runs by the clock - of all of them or of one - for the days it
 * takes by itself or for one day. Answers how far it has come; the rest goes on by itself. Throws `ORG_NOT_FOUND`,
 * `INVALID_DATE`, `DATE_IN_FUTURE`.
 */
export async function runAll(
  { body, caller }: { body: RunAllRequest; caller: Caller },
  effects: Effects<RunAllAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAllAnswer>> {
  const startedAt = ports.clock.now();
  refuseDate(body.date, startedAt);
  const orgs = await wantedOrganizations(body.org_slug, ports.documents);
  const order = {
    kind: "run_all" as const,
    categories: body.categories,
    providers: body.providers.map((provider) => provider.toLowerCase()),
    pipelineId: null,
    dates: body.date === undefined ? {} : { date: body.date },
    forceRefresh: false,
    triggerBy: "run-all",
    actor: caller.credentialId,
    jitterSeconds: 0,
  };
  const elapsed = (): number => Math.max(0, (ports.clock.now().getTime() - startedAt.getTime()) / 1000);
  if (!body.dry_run) {
    const answer = (progress: BatchProgress): RunAllAnswer => answerOf(progress, elapsed());
    return createBatch(order, orgs, { answer, effects }, ports);
  }
  const plan = new Reply(200, { ...(await planOf(order, orgs, ports)), elapsed_seconds: elapsed() });
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, plan, { isAudited: true });
    return plan;
  });
}

function refuseDate(date: string | undefined, now: Date): void {
  if (date === undefined) return;
  const fields = [{ path: "/date", problem: "is not a day up to today" }];
  if (!isDay(date)) throw new AppError("INVALID_DATE", "date must be a real day, YYYY-MM-DD.", { fields });
  if (date > now.toISOString().slice(0, 10))
    throw new AppError("DATE_IN_FUTURE", "The date lies in the future (UTC).", { fields });
}

async function wantedOrganizations(slug: string | undefined, documents: Documents): Promise<OrgIdentity[]> {
  if (slug === undefined) {
    const all: OrgIdentity[] = [];
    for await (const page of eachOrganization(documents)) all.push(...page);
    return all;
  }
  const key = orgKeyOf(slug);
  const body = key === undefined ? undefined : (await documents.get<OrgDocument>(orgPath(key))).body;
  if (key === undefined || body?.state !== "ACTIVE")
    throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return [{ slug: body.slug, key, orgId: body.orgId }];
}

/** What would be started, without asking the quota; of as many organizations as the request has time for. */
async function planOf(
  order: { categories: string[]; providers: string[] },
  orgs: readonly OrgIdentity[],
  ports: ReservePorts,
): Promise<Omit<RunAllAnswer, "elapsed_seconds">> {
  const until = ports.clock.now().getTime() + planMilliseconds;
  const results: RunAllAnswer["results"] = [];
  let [lookedAt, skipped, planned] = [0, 0, 0];
  for (const org of orgs) {
    if (ports.clock.now().getTime() >= until) break;
    lookedAt += 1;
    const found = await runnable({ ...order, pipelineId: null }, org, ports);
    if ("skipped" in found) {
      skipped += 1;
      continue;
    }
    planned += found.pipelines.length;
    for (const { config } of found.pipelines.slice(0, mostResults - results.length))
      results.push({ org_slug: org.slug, pipeline_id: config.id, status: "planned", run_ids: [], error: null });
  }
  return {
    success: true,
    batch_run_id: null,
    status: "PLANNED",
    orgs_processed: lookedAt - skipped,
    orgs_skipped: skipped,
    pipelines_triggered: 0,
    pipelines_failed: 0,
    pipelines_skipped_quota: 0,
    total_integrations: planned,
    results,
    errors: [],
    message: `${planned} pipelines of ${lookedAt} of ${orgs.length} organizations would run; nothing was made.`,
  };
}

function answerOf({ batchRunId, isStarted, outcomes, totals }: BatchProgress, seconds: number): RunAllAnswer {
  const { counts, orgsProcessed, orgsSkipped, integrations } = totals;
  const results = resultsOf(outcomes);
  const errors = results.flatMap(({ org_slug, pipeline_id, status, error }) =>
    status === "failed" ? [{ org_slug, pipeline_id, error: error ?? "" }] : [],
  );
  return {
    success: counts.failed === 0,
    batch_run_id: batchRunId,
    status: isStarted && counts.triggered === 0 ? "COMPLETED" : "RUNNING",
    orgs_processed: orgsProcessed,
    orgs_skipped: orgsSkipped,
    pipelines_triggered: counts.triggered,
    pipelines_failed: counts.failed,
    pipelines_skipped_quota: counts.skippedQuota,
    total_integrations: integrations,
    results: results.slice(0, mostResults),
    errors: errors.slice(0, mostErrors),
    message: isStarted ? "Everything is started." : "Accepted; the rest is started as time goes by.",
    elapsed_seconds: seconds,
  };
}

function resultsOf(outcomes: readonly OrgOutcome[]): RunAllAnswer["results"] {
  return outcomes.flatMap(({ org, results }) =>
    results.map(({ pipelineId, status, runIds, error }) => ({
      org_slug: org.slug,
      pipeline_id: pipelineId,
      status,
      run_ids: runIds,
      error: error === null ? null : `${error.code}: ${error.message}`,
    })),
  );
}
