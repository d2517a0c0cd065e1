import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { parameterValues } from "#shared/pipelines/parameters.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { refuseOtherScope } from "#shared/pipelines/pipeline-scope.ts";
import { addDays, type DayRange, isDay } from "#shared/pipelines/range.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { refuseDisabled, refuseWithoutPlans } from "#shared/pipelines/run-refusals.ts";
import { chosenCredentials, credentialNeeds } from "#shared/pipelines/usable-credentials.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Effects, type HttpRequest, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { type BackfillAnswer, backfillAnswer } from "./backfill-answer.ts";
import { type BackfillOrder, createBackfill, newBackfill } from "./new-backfill.ts";
import { shareNow } from "./read-backfills.ts";

const word = Type.Optional(Type.String({ maxLength: 60 }));

export const BackfillRequest = strictObject({
  pipeline_id: Type.Optional(Type.String({ maxLength: 200 })),
  category: word,
  provider: word,
  domain: word,
  pipeline: word,
  start_date: Type.String({ maxLength: 20 }),
  end_date: Type.Optional(Type.String({ maxLength: 20 })),
  credential_id: Type.Optional(plainText(1, 100)),
  force_refresh: Type.Optional(Type.Boolean()),
  dry_run: Type.Optional(Type.Boolean({ description: "Only the plan: nothing is made" })),
});
export type BackfillRequest = Static<typeof BackfillRequest>;

export interface WantedBackfill {
  org: OrgIdentity;
  caller: Caller;
  requestId: string;
  pipeline: Pipeline;
  request: Pick<BackfillRequest, "start_date" | "end_date" | "credential_id" | "force_refresh"> & {
    parameters?: Record<string, unknown>;
  };
}

const longestMonths = 36;

/**
 * Pulls many days month by month, the newest first: made with the run of the first month, or only planned. Throws what is
 * wrong with the days, `BACKFILL_OVERLAPS`, and what refuses any run; a refusal leaves no trace.
 */
export async function requestBackfill(
  asked: HttpRequest<unknown, unknown, BackfillRequest>,
  effects: Effects<BackfillAnswer>,
  ports: ReservePorts,
): Promise<Reply<BackfillAnswer>> {
  const { org, body } = asked;
  const pipeline = (await pipelines()).byAddress(addressOf(body));
  const order = await backfillOrder({ ...asked, pipeline, request: body }, ports);
  const share = await shareNow(org, ports.documents);
  const answer = (backfill: Parameters<typeof backfillAnswer>[0], createdAt: Date | null): BackfillAnswer =>
    backfillAnswer(backfill, {
      createdAt: createdAt?.toISOString() ?? null,
      now: createdAt ?? ports.clock.now(),
      share,
      isStored: createdAt !== null,
    });
  if (body.dry_run === true) {
    const plan = new Reply(200, answer(newBackfill(order, ""), null));
    return effects.commit(async (change) => {
      await effects.prepare(change);
      effects.conclude(change, plan, { isAudited: true });
      return plan;
    });
  }
  let reply: Reply<BackfillAnswer> | undefined;
  await createBackfill(
    order,
    {
      prepare: (change) => effects.prepare(change),
      conclude: ({ backfill }, change) => {
        reply = new Reply(202, answer(backfill, change.now));
        const { pipelineId: pipeline_id, range } = backfill;
        effects.conclude(change, reply, { resourceId: backfill.backfillId, details: { pipeline_id, range } });
      },
    },
    ports,
  );
  if (reply === undefined) throw new Error("a backfill was made without a conclusion");
  return reply;
}

/** What a request asks for, checked in the order of any run. */
export async function backfillOrder(wanted: WantedBackfill, ports: ReservePorts): Promise<BackfillOrder> {
  const { org, caller, pipeline, requestId, request } = wanted;
  refuseOtherScope(pipeline, org);
  refuseDisabled(pipeline);
  const parameters = parameterValues(pipeline.config.parameters, request.parameters ?? {});
  const index = await ports.documents.get<IntegrationsIndex>(indexPath(org));
  const range = backfillRange(request, pipeline, index.readAt);
  await refuseWithoutPlans(pipeline, org, ports.documents);
  const needs = await credentialNeeds(pipeline);
  const choice = { org, index: index.body, asked: request.credential_id };
  const [credentialId, ...others] = await chosenCredentials(choice, needs, ports.documents);
  if (credentialId === undefined || others.length > 0)
    throw new AppError("CREDENTIAL_AMBIGUOUS", "There are several credentials; say which one with credential_id.");
  const forceRefresh = request.force_refresh ?? false;
  return { org, caller, pipeline, credentialId, range, parameters, requestId, forceRefresh, triggerType: "backfill" };
}

/** The days asked for, without an end up to the newest complete one: at most 36 months, within the pipeline's history. */
export function backfillRange(
  { start_date, end_date }: { start_date?: string | undefined; end_date?: string | undefined },
  { window }: Pick<Pipeline, "window">,
  now: Date,
): DayRange {
  const today = now.toISOString().slice(0, 10);
  for (const [name, day] of Object.entries({ start_date, end_date })) {
    if (day === undefined ? name === "start_date" : !isDay(day))
      throw new AppError("INVALID_DATE", `${name} must be a real day, YYYY-MM-DD.`, {
        fields: [{ path: `/${name}`, problem: "is not a day" }],
      });
  }
  const start = start_date ?? "";
  const end = end_date ?? addDays(today, -window.lagDays);
  if (start > end) throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.");
  if (end > today) throw new AppError("DATE_IN_FUTURE", "The range reaches into the future (UTC).");
  if (start < addDays(today, -window.historyDays))
    throw new AppError("BEFORE_HISTORY", `This pipeline reaches back ${window.historyDays} days.`);
  if (monthsOf({ start, end }) > longestMonths)
    throw new AppError("RANGE_TOO_LONG", `A backfill covers at most ${longestMonths} months.`);
  return { start, end };
}

function monthsOf({ start, end }: DayRange): number {
  const month = (day: string): number => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
  const isPartOfMonth = day(end) >= day(start) ? 1 : 0;
  return month(end) - month(start) + isPartOfMonth;
}

function day(date: string): string {
  return date.slice(8);
}

function addressOf({ pipeline_id, category, provider, domain, pipeline }: BackfillRequest): string {
  return (
    pipeline_id ?? [category, provider, domain, pipeline].filter((part) => part !== undefined && part !== "").join("/")
  );
}
