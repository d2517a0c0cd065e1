import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { countEnded, writeEnding } from "#shared/pipelines/finish.ts";
import { isDay } from "#shared/pipelines/range.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { isRunId, runPath } from "#shared/pipelines/run-paths.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Metrics } from "#shared/runtime/metrics.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";

const word = Type.Optional(Type.String({ maxLength: 60 }));

/** Each field as query or in the body. */
export const CompleteRequest = strictObject({
  pipeline_status: word,
  run_id: Type.Optional(Type.String({ maxLength: 60, alsoAs: ["pipeline_logging_id"] })),
  reservation_date: word,
});
type CompleteRequest = Static<typeof CompleteRequest>;

export const CompleteAnswer = strictObject({
  success: Type.Boolean(),
  settled: Type.Boolean(),
  org_slug: Type.String(),
  pipeline_status: Type.String(),
  reservation_date: Type.String(),
  run_id: nullable(Type.String()),
  message: Type.String(),
});
export type CompleteAnswer = Static<typeof CompleteAnswer>;

export interface Completion {
  org: OrgIdentity;
  query: CompleteRequest;
  body: CompleteRequest;
}

const mostLookedAt = 200;

/**
 * Settles a run that an executor outside the platform has reserved: the one named, else the oldest live one of the UTC day.
 * Where there is nothing to settle - also the second time - no counter moves. Throws `INVALID_PARAMETER`, `INVALID_DATE`.
 */
export async function completeRun(
  { org, query, body }: Completion,
  effects: Effects<CompleteAnswer>,
  { documents, metrics }: { documents: Documents; metrics: Metrics },
): Promise<CompleteAnswer> {
  const asked = { ...query, ...body };
  const status = asked.pipeline_status?.toUpperCase();
  if (status !== "SUCCESS" && status !== "FAILED") {
    throw new AppError("INVALID_PARAMETER", "pipeline_status must be SUCCESS or FAILED.", {
      fields: [{ path: "/pipeline_status", problem: "must be SUCCESS or FAILED" }],
    });
  }
  const found = await liveExternalRun(org, asked, documents);
  const reservationDate = found.date;
  const { answer, ended } = await effects.commit(async (change) => {
    await effects.prepare(change);
    const ending = {
      status: status === "SUCCESS" ? ("COMPLETED" as const) : ("FAILED" as const),
      reason: "reported by its executor",
    };
    const place = { orgKey: org.key, runId: found.runId ?? "" };
    const ended = found.runId === undefined ? undefined : await writeEnding(place, ending, isLiveExternal, change);
    const answer: CompleteAnswer = {
      success: true,
      settled: ended !== undefined,
      org_slug: org.slug,
      pipeline_status: status,
      reservation_date: reservationDate,
      run_id: ended?.runId ?? null,
      message: ended === undefined ? "There is nothing to settle." : `The run is ${ended.status}.`,
    };
    const details = ended === undefined ? { isAudited: true } : { resourceId: ended.runId, details: { status } };
    effects.conclude(change, answer, details);
    return { answer, ended };
  });
  if (ended !== undefined) countEnded(ended, metrics);
  return answer;
}

function isLiveExternal(run: RunDocument): boolean {
  return run.triggerType === "external" && run.status === "RUNNING";
}

async function liveExternalRun(
  org: OrgIdentity,
  asked: CompleteRequest,
  documents: Documents,
): Promise<{ runId: string | undefined; date: string }> {
  if (asked.reservation_date !== undefined && !isDay(asked.reservation_date))
    throw new AppError("INVALID_DATE", "reservation_date must be a real day, YYYY-MM-DD.", {
      fields: [{ path: "/reservation_date", problem: "is not a day" }],
    });
  if (asked.run_id !== undefined) {
    const { body, readAt } = await documents.get<RunDocument>(
      runPath(org.key, isRunId(asked.run_id) ? asked.run_id : "none"),
    );
    const date = asked.reservation_date ?? (body?.createdAt ?? readAt.toISOString()).slice(0, 10);
    return { runId: body?.runId, date };
  }
  const page = await documents.list<RunDocument>({
    collection: `orgs/${org.key}/runs`,
    filters: [{ field: "triggerType", is: "==", value: "external" }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: mostLookedAt,
  });
  const date = asked.reservation_date ?? page.readAt.toISOString().slice(0, 10);
  const live = page.documents
    .map(({ body }) => body)
    .filter((run) => isLiveExternal(run) && run.createdAt.startsWith(date));
  return { runId: live.at(-1)?.runId, date };
}
