import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { headPath } from "#shared/ledger/current-batches.ts";
import type { MonthHead } from "#shared/ledger/ledger.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { configFile } from "#shared/platform/config-files.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type BookState, emptyState, statePath } from "#shared/prices/org-prices.ts";
import { bookVersion } from "#shared/prices/price-book.ts";
import { actorOf } from "#shared/prices/price-writer.ts";
import { type CurrentRelease, currentReleasePath } from "#shared/prices/releases.ts";
import type { RepriceApplied, RepriceApplyRequest, RepriceDocument } from "#shared/reprices/reprice.ts";
import { isScenario, keepPages, repriceOf, repricePath } from "#shared/reprices/reprice-store.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { newRun, writeRun } from "./new-run.ts";
import { noCredentialId } from "./own-pipelines.ts";
import { type Pipeline, PipelineConfig } from "./pipeline.ts";
import { pipelineOf } from "./registry.ts";
import type { RunDocument } from "./run.ts";
import { activeRunKey } from "./run-paths.ts";

interface Asked {
  org: OrgIdentity;
  caller: Caller;
  repriceId: string;
  request: RepriceApplyRequest;
  claimedUser: string | undefined;
  traceparent: string | undefined;
}

/**
 * Makes the one run that publishes a preview; again answers that run. Throws 404 `PREVIEW_NOT_FOUND`, 409
 * `PREVIEW_EXPIRED`, `PREVIEW_IS_SCENARIO`, and `PREVIEW_STALE` where something was published in its months, or the book
 * has moved on from the version that was current. Source: `prices-and-plans.md` A8.
 */
export async function applyReprice(
  asked: Asked,
  effects: Effects<RepriceApplied>,
  ports: { documents: Documents } & Pick<Surroundings, "ids">,
): Promise<Reply<RepriceApplied>> {
  const { org, repriceId } = asked;
  const [pipeline] = await Promise.all([repricePipeline(), repriceOf(org, repriceId, ports.documents)]);
  return effects.commit(async (change) => {
    const path = repricePath(org, repriceId);
    const { body: reprice, readAt } = await change.get<RepriceDocument>(path);
    if (reprice === undefined) throw new AppError("PREVIEW_NOT_FOUND", "There is no such preview.");
    const problem = await refusalOf(org, reprice, readAt, change);
    const keep = reprice.runId === null ? await keepPages(org, reprice, change) : undefined;
    await effects.prepare(change);
    if (reprice.runId !== null) return concluded(asked, reprice.runId, { effects, isAudited: true }, change);
    if (problem !== undefined) throw problem;
    const run = runOf(asked, reprice, { pipeline, runId: ports.ids.newId("run"), now: readAt });
    writeRun(run, asked.traceparent, change);
    const { expireAt: _expireAt, ...kept } = reprice;
    change.set<RepriceDocument>(path, {
      ...kept,
      runId: run.runId,
      closedMonths: asked.request.closed_months,
      appliedAt: change.now.toISOString(),
      appliedBy: actorOf(asked.caller),
    });
    keep?.();
    return concluded(asked, run.runId, { effects, isAudited: false }, change);
  });
}

function concluded(
  { org, repriceId }: Asked,
  runId: string,
  by: { effects: Effects<RepriceApplied>; isAudited: boolean },
  change: Change,
): Reply<RepriceApplied> {
  const reply = new Reply(202, { run_id: runId, preview_id: repriceId, org_slug: org.slug, status: "accepted" });
  const details = { resourceId: repriceId, details: { run_id: runId }, isAudited: by.isAudited };
  by.effects.conclude(change, reply, details);
  return reply;
}

/** All reads of the transaction that say whether the preview still holds. */
async function refusalOf(
  org: OrgIdentity,
  reprice: RepriceDocument,
  now: Date,
  change: Change,
): Promise<AppError | undefined> {
  const months = Object.keys(reprice.ledgerVersions);
  const heads = await change.getAll<MonthHead>(months.map((month) => headPath(org, month)));
  const { body: organization } = await change.get<OrgDocument>(orgPath(org.key));
  const { body: state = emptyState } = await change.get<BookState>(statePath(org));
  const { body: current } = await change.get<CurrentRelease>(currentReleasePath);
  if (reprice.expiresAt <= now.toISOString())
    return new AppError("PREVIEW_EXPIRED", "The preview is older than a day.");
  if (isScenario(reprice))
    return new AppError("PREVIEW_IS_SCENARIO", "The preview asks what would be if; it cannot be applied.");
  const { ledgerEpoch: epoch } = existingOrg(organization);
  const hasMoved = months.some((month, at) => {
    const head = heads[at]?.body;
    return (head?.epoch === epoch ? head.ledgerVersion : 0) !== reprice.ledgerVersions[month];
  });
  const book = bookVersion(state.release ?? current?.release ?? 0, state.orgVersion);
  const isStale =
    hasMoved || epoch !== reprice.ledgerEpoch || (reprice.isCurrentBook && book !== reprice.priceBookVersion);
  return isStale
    ? new AppError("PREVIEW_STALE", "Published days or prices have changed since the preview.")
    : undefined;
}

function runOf(
  { org, caller, repriceId, claimedUser, traceparent }: Asked,
  { scope }: RepriceDocument,
  { pipeline, runId, now }: { pipeline: Pipeline; runId: string; now: Date },
): RunDocument {
  const range = { start: scope.start, end: scope.end };
  const order = {
    ...{ org, caller, pipeline, range, claimedUser, traceparent },
    triggerType: "reprice" as const,
    triggerBy: repriceId,
    forceRefresh: false,
    parameters: { reprice_id: repriceId },
  };
  const activeKey = `${activeRunKey(pipeline.config.id, noCredentialId, range)}~${repriceId}`;
  return newRun(order, { runId, credentialId: noCredentialId, activeKey }, { unit: null, start: "published", now });
}

let loaded: Promise<Pipeline> | undefined;

/** The internal pipeline; it stands in no registry, because nobody may start it by an address. */
function repricePipeline(): Promise<Pipeline> {
  loaded ??= configFile("pipelines/reprice.yml").then(async (content) => {
    const config = await validBody(PipelineConfig, structuredClone(content));
    return pipelineOf(config, { entry: { repull_days: 1, restate_previous_month_until_day: 0 }, address: "reprice" });
  });
  return loaded;
}
