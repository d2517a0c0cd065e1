import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type OpenQuarantines, openQuarantinesPath } from "#shared/quarantine/quarantine.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { hasPlans } from "#shared/saas-plans/plan-store.ts";
import { isOwnProvider, noCredentialId } from "./own-pipelines.ts";
import type { Pipeline } from "./pipeline.ts";
import { addDays, isDay } from "./range.ts";
import { pipelines } from "./registry.ts";
import { type RunDocument, runStatuses, type SourceDocument } from "./run.ts";
import { sourcePath } from "./run-paths.ts";

export const StatusQuery = strictObject({ date: Type.Optional(Type.String({ maxLength: 20 })) });
type StatusQuery = Static<typeof StatusQuery>;

const PipelineStatus = strictObject({
  pipeline_id: Type.String(),
  last_run: nullable(Type.String({ format: "date-time" })),
  status: nullable(choice(runStatuses)),
  ran_today: Type.Boolean(),
  succeeded_today: Type.Boolean(),
  next_run_time: nullable(Type.String({ format: "date-time" })),
  covered_through: nullable(Type.String()),
  stale: Type.Boolean(),
  open_quarantine: Type.Integer(),
});
type PipelineStatus = Static<typeof PipelineStatus>;

export const StatusAnswer = strictObject({
  org_slug: Type.String(),
  check_date: Type.String(),
  cached: Type.Boolean(),
  pipelines: Type.Record(Type.String(), PipelineStatus),
});
type StatusAnswer = Static<typeof StatusAnswer>;

/** How far back the runs of one pipeline are looked at for the day that is asked for. */
const runsLookedAt = 100;

/** How the connected pipelines of an organization stand on a UTC day, today unless said otherwise. Throws `INVALID_DATE`. */
export async function pipelineStatus(
  org: OrgIdentity,
  query: StatusQuery,
  documents: Documents,
): Promise<StatusAnswer> {
  if (query.date !== undefined && !isDay(query.date))
    throw new AppError("INVALID_DATE", "date must be a real day, YYYY-MM-DD.", {
      fields: [{ path: "/date", problem: "is not a day" }],
    });
  const index = await documents.get<IntegrationsIndex>(indexPath(org));
  const open = (await documents.get<OpenQuarantines>(openQuarantinesPath(org.key))).body?.items ?? {};
  const date = query.date ?? index.readAt.toISOString().slice(0, 10);
  const isCharged = await hasPlans(org, documents);
  const connected = (await pipelines()).pipelines.filter(({ config }) =>
    config.requires.saas_plans === true ? isCharged : index.body?.providers[config.provider],
  );
  const statuses = await Promise.all(
    connected.map(async (pipeline) => {
      const { provider } = pipeline.config;
      const credentials = isOwnProvider(provider)
        ? [noCredentialId]
        : Object.keys(index.body?.providers[provider]?.credentials ?? {});
      return statusOf({ org, pipeline, credentials, date, open }, documents);
    }),
  );
  return {
    org_slug: org.slug,
    check_date: date,
    cached: false,
    pipelines: Object.fromEntries(statuses.map((status) => [status.pipeline_id, status])),
  };
}

async function statusOf(
  asked: {
    org: OrgIdentity;
    pipeline: Pipeline;
    credentials: readonly string[];
    date: string;
    open: OpenQuarantines["items"];
  },
  documents: Documents,
): Promise<PipelineStatus> {
  const { org, pipeline, credentials, date } = asked;
  const { id } = pipeline.config;
  const page = await documents.list<RunDocument>({
    collection: `orgs/${org.key}/runs`,
    filters: [{ field: "pipelineId", is: "==", value: id }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: runsLookedAt,
  });
  const runs = page.documents.map(({ body }) => body).filter((run) => run.createdAt.slice(0, 10) <= date);
  const today = runs.filter((run) => run.createdAt.slice(0, 10) === date);
  const covered = await coveredThrough(org, id, credentials, documents);
  return {
    pipeline_id: id,
    last_run: runs[0]?.createdAt ?? null,
    status: runs[0]?.status ?? null,
    ran_today: today.length > 0,
    succeeded_today: today.some((run) => run.status === "COMPLETED"),
    next_run_time: null,
    covered_through: covered,
    stale: covered === null || covered < addDays(date, -pipeline.window.lagDays - 1),
    open_quarantine: Object.values(asked.open).filter(({ pipelineId }) => pipelineId === id).length,
  };
}

/** The day up to which all credentials are published; null when one is not at all. */
async function coveredThrough(
  org: OrgIdentity,
  pipelineId: string,
  credentials: readonly string[],
  documents: Documents,
): Promise<string | null> {
  const sources = await documents.getAll<SourceDocument>(credentials.map((id) => sourcePath(org, pipelineId, id)));
  const days = sources.map(({ body }) => body?.coveredThrough ?? "").sort();
  return days[0] === undefined || days[0] === "" ? null : days[0];
}
