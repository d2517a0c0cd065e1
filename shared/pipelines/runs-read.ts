import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { runNotFound } from "./cancel.ts";
import { type RunDocument, runStatuses, type StepDocument } from "./run.ts";
import { type RunDetail, RunSummary, runDetail, runSummary } from "./run-answer.ts";
import { isRunId, runPath } from "./run-paths.ts";

export const RunListQuery = strictObject({
  status: Type.Optional(choice([...runStatuses, "SUCCESS", "TIMEOUT"], { alsoAs: ["status_filter"] })),
  pipeline_id: Type.Optional(Type.String({ maxLength: 100 })),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 1000 })),
});
export type RunListQuery = Static<typeof RunListQuery>;

export const RunList = strictObject({
  runs: Type.Array(RunSummary),
  limit: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type RunList = Static<typeof RunList>;

/** Runs of the organization, newest first; by status or by pipeline. Older words: SUCCESS is COMPLETED, TIMEOUT is FAILED. */
export async function listRuns(org: OrgIdentity, query: RunListQuery, documents: Documents): Promise<RunList> {
  if (query.status !== undefined && query.pipeline_id !== undefined) {
    throw new AppError("INVALID_PARAMETER", "Ask by status or by pipeline_id, not by both.", {
      fields: [{ path: "/pipeline_id", problem: "excludes status" }],
    });
  }
  const status = query.status === "SUCCESS" ? "COMPLETED" : query.status === "TIMEOUT" ? "FAILED" : query.status;
  const filters = [
    ...(status === undefined ? [] : [{ field: "status", is: "==" as const, value: status }]),
    ...(query.pipeline_id === undefined ? [] : [{ field: "pipelineId", is: "==" as const, value: query.pipeline_id }]),
  ];
  const page = await documents.list<RunDocument>({
    collection: `orgs/${org.key}/runs`,
    filters,
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: query.limit,
    ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
  });
  return {
    runs: page.documents.map(({ body }) => runSummary(body)),
    limit: query.limit,
    next_cursor: page.next ?? null,
  };
}

/** One run with its steps; the same 404 for another organization's run and for none. */
export async function runOf(org: OrgIdentity, runId: string, documents: Documents): Promise<RunDetail> {
  if (!isRunId(runId)) throw runNotFound();
  const path = runPath(org.key, runId);
  const [{ body }, steps] = await Promise.all([
    documents.get<RunDocument>(path),
    documents.list<StepDocument>({ collection: `${path}/steps`, limit: 50 }),
  ]);
  if (body === undefined) throw runNotFound();
  return runDetail(
    body,
    steps.documents.map((step) => step.body).sort((a, b) => a.index - b.index),
  );
}
