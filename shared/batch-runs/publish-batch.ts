import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { rangeOf } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { refuseDisabled } from "#shared/pipelines/run-refusals.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { type BatchProgress, createBatch } from "./create-batch.ts";

const text = Type.String();

export const BatchPublishRequest = strictObject({
  org_slugs: Type.Array(plainText(1, 50), { minItems: 1, maxItems: 1000 }),
  pipeline_id: plainText(1, 200),
  parameters: strictObject(
    {
      date: Type.Optional(plainText(1, 20)),
      start_date: Type.Optional(plainText(1, 20)),
      end_date: Type.Optional(plainText(1, 20)),
      force_refresh: Type.Optional(Type.Boolean()),
      trigger_by: Type.Optional(plainText(1, 100)),
    },
    { default: {} },
  ),
  randomize_delay: Type.Boolean({ default: true, description: "Spread the starts" }),
  max_jitter_seconds: Type.Integer({ minimum: 0, maximum: 3600, default: 3600 }),
});
type BatchPublishRequest = Static<typeof BatchPublishRequest>;

export const BatchPublishAnswer = strictObject({
  status: Type.Literal("published"),
  batch_run_id: text,
  pipeline_id: text,
  published_count: Type.Integer({ minimum: 0 }),
  skipped: Type.Array(strictObject({ org_slug: text, error: text })),
});
export type BatchPublishAnswer = Static<typeof BatchPublishAnswer>;

/**
 * Runs one pipeline for many organizations, each a little later than the one before where asked. Answers how many are on
 * their way and who was passed over for what; whom the request did not come to is on the way. Throws what is wrong with
 * pipeline and dates, before anything is made.
 */
export async function publishBatch(
  { body, caller }: { body: BatchPublishRequest; caller: Caller },
  effects: Effects<BatchPublishAnswer>,
  ports: ReservePorts,
): Promise<Reply<BatchPublishAnswer>> {
  const { parameters } = body;
  const pipeline = (await pipelines()).byAddress(body.pipeline_id);
  if (pipeline.config.scope === "platform") throw new AppError("PIPELINE_NOT_FOUND", "There is no such pipeline.");
  refuseDisabled(pipeline);
  const { force_refresh, trigger_by, ...dates } = parameters;
  rangeOf(dates, pipeline.window, ports.clock.now());
  const { orgs, unknown } = await namedOrganizations(body.org_slugs, ports.documents);
  const order = {
    kind: "publish" as const,
    ...{ categories: [], providers: [], dates },
    pipelineId: pipeline.config.id,
    forceRefresh: force_refresh ?? false,
    triggerBy: trigger_by ?? "batch",
    actor: caller.credentialId,
    jitterSeconds: body.randomize_delay ? body.max_jitter_seconds : 0,
  };
  const answer = (progress: BatchProgress): BatchPublishAnswer => {
    const skipped = [...unknown, ...passedOver(progress)];
    return {
      status: "published",
      batch_run_id: progress.batchRunId,
      pipeline_id: pipeline.config.id,
      published_count: orgs.length + unknown.length - skipped.length,
      skipped,
    };
  };
  return createBatch(order, orgs, { answer, effects }, ports);
}

function passedOver({ outcomes }: BatchProgress): BatchPublishAnswer["skipped"] {
  return outcomes.flatMap(({ org, results, skipped }) => {
    const error = skipped ?? results.find((result) => result.error !== null)?.error?.code;
    return error === undefined ? [] : [{ org_slug: org.slug, error }];
  });
}

/** The organizations by slug, each once; those that there are not apart. */
async function namedOrganizations(
  slugs: readonly string[],
  documents: Documents,
): Promise<{ orgs: OrgIdentity[]; unknown: BatchPublishAnswer["skipped"] }> {
  const byKey = new Map(slugs.map((slug) => [orgKeyOf(slug) ?? slug, slug]));
  const keys = [...byKey.keys()].filter((key) => orgKeyOf(key) !== undefined);
  const stored = await documents.getAll<OrgDocument>(keys.map(orgPath));
  const orgs = stored.flatMap(({ body }, at) =>
    body?.state === "ACTIVE" ? [{ slug: body.slug, key: keys[at] ?? "", orgId: body.orgId }] : [],
  );
  const known = new Set(orgs.map(({ key }) => key));
  const unknown = [...byKey].flatMap(([key, slug]) =>
    known.has(key) ? [] : [{ org_slug: slug, error: "ORG_NOT_FOUND" }],
  );
  return { orgs, unknown };
}
