import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Filter, Snapshot } from "#shared/platform/documents/documents.ts";
import { filteredPage } from "#shared/platform/documents/filtered-page.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { runNotFound } from "./cancel.ts";
import { isDay } from "./range.ts";
import { type RunDocument, runStatuses, type StepDocument, triggerTypes } from "./run.ts";
import { type RunDetail, RunSummary, runDetail, runSummary } from "./run-answer.ts";
import { isRunId, runCollection, runPath } from "./run-paths.ts";

const word = Type.Optional(Type.String({ maxLength: 100 }));

export const RunListQuery = strictObject({
  status: Type.Optional(choice([...runStatuses, "SUCCESS", "TIMEOUT"], { alsoAs: ["status_filter"] })),
  pipeline_id: word,
  provider: word,
  trigger_type: Type.Optional(choice(triggerTypes)),
  trigger_by: word,
  backfill_id: word,
  start_date: Type.Optional(Type.String({ maxLength: 20, description: "First day of creation, UTC" })),
  end_date: Type.Optional(Type.String({ maxLength: 20 })),
  ...paging(),
  offset: Type.Integer({ minimum: 0, maximum: 10_000, default: 0 }),
});
export type RunListQuery = Static<typeof RunListQuery>;

export const RunList = strictObject({
  runs: Type.Array(RunSummary),
  total: nullable(Type.Integer({ description: "Null while there are more than this list has come to" })),
  limit: Type.Integer(),
  offset: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type RunList = Static<typeof RunList>;

export const OwnRuns = Type.Array(RunSummary);

/** Runs of the organization, newest first. Older words: SUCCESS is COMPLETED, TIMEOUT is FAILED. */
export async function listRuns(org: OrgIdentity, query: RunListQuery, documents: Documents): Promise<RunList> {
  refuseNoDays(query);
  const { limit, offset, cursor } = query;
  const page = await filteredPage<RunDocument>(
    {
      collection: runCollection(org.key),
      filters: indexedFilter(query),
      orderBy: [{ field: "createdAt", direction: "desc" }],
      cursor,
    },
    { isWanted: (run) => isAsked(run, query), isLast: (run) => isPast(run, query), limit, skip: offset },
    documents,
  );
  const isWhole = cursor === undefined && page.next === undefined && page.isSkipped;
  return {
    runs: page.documents.map(({ body }) => runSummary(body)),
    total: isWhole ? offset + page.documents.length : null,
    limit,
    offset,
    next_cursor: page.next ?? null,
  };
}

/** The same as a bare list. */
export async function listOwnRuns(org: OrgIdentity, query: RunListQuery, documents: Documents): Promise<RunSummary[]> {
  return (await listRuns(org, query, documents)).runs;
}

/** The one filter that an index answers; the others are looked at run by run. */
function indexedFilter(query: RunListQuery): Filter[] {
  const wanted = [
    ["backfillId", query.backfill_id],
    ["pipelineId", query.pipeline_id],
    ["status", canonicalStatus(query.status)],
    ["triggerType", query.trigger_type],
  ] as const;
  const [first] = wanted.filter(([, value]) => value !== undefined);
  return first === undefined ? [] : [{ field: first[0], is: "==", value: first[1] ?? "" }];
}

function canonicalStatus(status: RunListQuery["status"]): string | undefined {
  if (status === "SUCCESS") return "COMPLETED";
  return status === "TIMEOUT" ? "FAILED" : status;
}

function isAsked({ body, createdAt }: Snapshot<RunDocument> & { body: RunDocument }, query: RunListQuery): boolean {
  const day = (createdAt ?? body.createdAt).slice(0, 10);
  const pairs = [
    [query.backfill_id, body.backfillId],
    [query.pipeline_id, body.pipelineId],
    [canonicalStatus(query.status), body.status],
    [query.trigger_type, body.triggerType],
    [query.trigger_by, body.triggerBy],
    [query.provider?.toLowerCase(), body.provider],
  ] as const;
  const isWithin = day >= (query.start_date ?? "") && day <= (query.end_date ?? "9999-12-31");
  return isWithin && pairs.every(([wanted, is]) => wanted === undefined || wanted === is);
}

function isPast({ createdAt }: Snapshot<RunDocument>, { start_date }: RunListQuery): boolean {
  return start_date !== undefined && (createdAt ?? "9999").slice(0, 10) < start_date;
}

function refuseNoDays(query: RunListQuery): void {
  for (const name of ["start_date", "end_date"] as const) {
    const value = query[name];
    if (value === undefined || isDay(value)) continue;
    throw new AppError("INVALID_DATE", `${name} must be a real day, YYYY-MM-DD.`, {
      fields: [{ path: `/${name}`, problem: "is not a day" }],
    });
  }
}

/** One run with its steps; the same 404 for another organization's run and for none. */
export async function runOf(org: OrgIdentity, runId: string, documents: Documents): Promise<RunDetail> {
  const { run, steps } = await runWithSteps(org, runId, documents);
  return runDetail(run, steps);
}

/** As stored. Throws `RUN_NOT_FOUND`. */
export async function runWithSteps(
  org: OrgIdentity,
  runId: string,
  documents: Documents,
): Promise<{ run: RunDocument; steps: StepDocument[] }> {
  if (!isRunId(runId)) throw runNotFound();
  const path = runPath(org.key, runId);
  const [{ body: run }, steps] = await Promise.all([
    documents.get<RunDocument>(path),
    documents.list<StepDocument>({ collection: `${path}/steps`, limit: 50 }),
  ]);
  if (run === undefined) throw runNotFound();
  return { run, steps: steps.documents.map((step) => step.body).sort((a, b) => a.index - b.index) };
}
