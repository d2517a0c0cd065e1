import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { writeAdjustmentJournal } from "./adjustment-journal.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import { type BookedMonth, type HeldPlan, type HoldingPorts, heldPlan, type PublicationsOf } from "./held-plan.ts";
import type { MonthDecision, MonthHead, PipelineMonth } from "./ledger.ts";
import { isSameMonth, type StoredMonth, storedMonths } from "./ledger-months.ts";
import { noteReplacedBatches, type PublicationContext, publishMonth, writeJournal } from "./publish.ts";

export type PublishingPorts = HoldingPorts & { topics: Topics } & Pick<Surroundings, "ids">;

const attempts = 10;

/**
 * Publishes days of one month in one transaction (T6 of `pipelines.md` 6 and 8). Of a closed month nothing changes: the
 * days are held, and what they differ by is booked in an open one. `mayPublish` reads and checks in the transaction that
 * the publisher still may; it throws where it may not. `publicationsOf` sees what is stored of the pipeline's month and
 * may be asked several times.
 */
export async function publishMonthDays(
  context: PublicationContext,
  publicationsOf: PublicationsOf,
  mayPublish: (change: Change) => Promise<void>,
  ports: PublishingPorts,
): Promise<MonthDecision> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const plan = await heldPlan(context, publicationsOf, ports);
    const decision = await commitChange(async (change) => {
      await mayPublish(change);
      return plan === undefined ? publishOpen(context, publicationsOf, change) : publishHeld(context, plan, change);
    }, ports);
    if (decision !== undefined) return decision;
  }
  throw new AppError("DOCUMENTS_CONTENDED", `${context.month} kept changing while it was published.`, {
    retryable: true,
  });
}

/** Undefined when the month was closed meanwhile. */
async function publishOpen(
  context: PublicationContext,
  publicationsOf: PublicationsOf,
  change: Change,
): Promise<MonthDecision | undefined> {
  const stored = (await storedMonths(context, [context.month], change)).get(context.month);
  if (stored === undefined || stored.head.state === "closed") return undefined;
  const publications = publicationsOf(stored);
  if (publications.length === 0) return { head: stored.head, pipeline: stored.pipeline, days: [], isChanged: false };
  return publishMonth(context, stored, publications, change);
}

/** Undefined when a month of the plan is not what it was made from. */
async function publishHeld(
  context: PublicationContext,
  plan: HeldPlan,
  change: Change,
): Promise<MonthDecision | undefined> {
  const paths = plan.basis.map(({ month }) => month);
  const stored = await storedMonths(context, paths, change);
  if (!plan.basis.every((read) => isSameMonth(stored.get(read.month), read))) return undefined;
  const { org, month, pipelineId } = context;
  const head = headOf(stored, month);
  if (plan.days.length === 0) return { head, pipeline: plan.pipeline, days: [], isChanged: false };
  change.set<PipelineMonth>(pipelineMonthPath(org, month, pipelineId), plan.pipeline);
  if (!head.heldBy?.includes(pipelineId))
    change.set<MonthHead>(headPath(org, month), { ...head, heldBy: [...(head.heldBy ?? []), pipelineId].sort() });
  const before = stored.get(month)?.pipeline;
  noteReplacedBatches(context, { before, after: plan.pipeline }, head, change);
  writeJournal(
    context,
    plan.days.filter(({ outcome }) => outcome === "held"),
    head,
    change,
  );
  for (const booked of plan.booked) {
    const pipelines = [{ ...booked, context, before: stored.get(booked.month)?.pipeline }];
    writeBookedMonth(org, booked.month, { stored: headOf(stored, booked.month), pipelines }, change);
  }
  return { head, pipeline: plan.pipeline, days: plan.days, isChanged: false };
}

/** Corrections of one pipeline that change in a month. */
export interface PipelineChanges extends Omit<BookedMonth, "month"> {
  context: PublicationContext;
  before: PipelineMonth | undefined;
}

/** Writes a month in which corrections change; `stored` is its head, which was read. */
export function writeBookedMonth(
  org: OrgIdentity,
  month: string,
  { stored, pipelines }: { stored: MonthHead; pipelines: readonly PipelineChanges[] },
  change: Change,
): void {
  const ledgerVersion = stored.ledgerVersion + 1;
  const shards = Object.fromEntries(pipelines.map(({ context }) => [context.pipelineId, ledgerVersion]));
  const head: MonthHead = { ...stored, ledgerVersion, shards: { ...stored.shards, ...shards } };
  change.set<MonthHead>(headPath(org, month), head);
  for (const { context, before, pipeline, changes } of pipelines) {
    noteReplacedBatches({ ...context, month }, { before, after: pipeline }, head, change);
    change.set<PipelineMonth>(pipelineMonthPath(org, month, context.pipelineId), pipeline);
    writeAdjustmentJournal({ ...context, month }, changes, head, change);
  }
}

function headOf(stored: ReadonlyMap<string, StoredMonth>, month: string): MonthHead {
  const found = stored.get(month);
  if (found === undefined) throw new Error(`${month} was not read`);
  return found.head;
}
