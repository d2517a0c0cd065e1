import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import { dayBatches, dropUnreferenced, isSameEntry, stateOf } from "./decide-month.ts";
import { adjustmentOf, automaticId, type BookedChange, without } from "./held-plan.ts";
import {
  type DayDecision,
  type Entry,
  emptyHead,
  type MonthClosing,
  type MonthHead,
  type PastClosing,
  type PipelineMonth,
  readEntryKey,
} from "./ledger.ts";
import { type StoredMonth, storedMonths } from "./ledger-months.ts";
import { inDays, replacedDays } from "./loose-batches.ts";
import { noteReplacedBatches, type PublicationContext, writeJournal } from "./publish.ts";
import { type PipelineChanges, writeBookedMonth } from "./publish-month-days.ts";

/** Whose month. */
export interface MonthPlace {
  org: OrgIdentity;
  datasetId: string;
  epoch: number;
  /** `yyyy-mm`. */
  month: string;
}

/** The head of a month in the caller's transaction; of another epoch it counts as empty. */
export async function monthHead({ org, month, epoch }: MonthPlace, change: Change): Promise<MonthHead> {
  const { body } = await change.get<MonthHead>(headPath(org, month));
  return body?.epoch === epoch ? body : emptyHead(epoch);
}

/** Closes a month whose head was read in this transaction. Its version stays: what is read of it does not change. */
export function closeMonth(
  { org, month }: MonthPlace,
  head: MonthHead,
  closing: MonthClosing,
  change: Change,
): MonthHead {
  if (head.state === "closed") throw new AppError("MONTH_CLOSED", `${month} is closed already.`);
  const closed: MonthHead = { ...head, state: "closed", closing, closeCount: (head.closeCount ?? 0) + 1 };
  change.set<MonthHead>(headPath(org, month), closed);
  return closed;
}

/**
 * Reads what a reopening needs; the answered function writes it: what was held becomes current, and the automatic
 * adjustments of the month are withdrawn. 409 `MONTH_NOT_CLOSED`; 409 `ADJUSTMENT_IN_CLOSED_MONTH` with the months where
 * one of them lies in a month that is closed itself. Manual adjustments stay.
 */
export async function reopenedMonth(
  place: MonthPlace,
  change: Change,
): Promise<{ head: MonthHead; write(): MonthHead }> {
  const { org, month } = place;
  const head = await monthHead(place, change);
  if (head.state !== "closed") throw new AppError("MONTH_NOT_CLOSED", `${month} is not closed.`);
  const pipelines = await Promise.all((head.heldBy ?? []).map((id) => heldPipeline(place, id, change)));
  refuseClosed(pipelines.flatMap(({ booked }) => booked));
  const write = (): MonthHead => {
    const reopened = pipelines.map((own) => ({ ...own, ...withHeld(own.stored.pipeline, month, change.now) }));
    const changed = reopened.filter(({ days }) => days.some(({ outcome }) => outcome !== "unchanged"));
    const ledgerVersion = head.ledgerVersion + (changed.length > 0 ? 1 : 0);
    const shards = Object.fromEntries(changed.map(({ context }) => [context.pipelineId, ledgerVersion]));
    const { closing: _closing, heldBy: _heldBy, ...kept } = head;
    const closings = pastClosings(head, change.now);
    const open: MonthHead = { ...kept, closings, state: "open", ledgerVersion, shards: { ...head.shards, ...shards } };
    change.set<MonthHead>(headPath(org, month), open);
    for (const { context, stored, pipeline, days } of reopened) {
      change.set<PipelineMonth>(pipelineMonthPath(org, month, context.pipelineId), pipeline);
      noteReplacedBatches(context, { before: stored.pipeline, after: pipeline }, open, change);
      const restated = days.filter(({ outcome }) => outcome !== "unchanged");
      writeJournal(context, restated, open, change);
    }
    withdraw(org, reopened, change);
    return open;
  };
  return { head, write };
}

/** The times it was closed, the one that ends now among them; none that no read of the past reaches any more. */
function pastClosings({ closings = [], closing }: MonthHead, now: Date): PastClosing[] {
  const ending = closing && { at: closing.at, until: now.toISOString(), fxVersion: closing.fxVersion };
  const oldest = inDays(now, -replacedDays);
  return [...closings, ...(ending === undefined ? [] : [ending])].filter(({ until }) => until >= oldest);
}

/** What one pipeline holds of the month, and the months its corrections lie in. */
interface HeldPipeline {
  context: PublicationContext;
  stored: StoredMonth;
  booked: StoredMonth[];
}

async function heldPipeline(place: MonthPlace, pipelineId: string, change: Change): Promise<HeldPipeline> {
  const { month } = place;
  // No run publishes here: who reopened stands in the audit log.
  const context = { ...place, pipelineId, runId: "reopen", fence: 0, reason: "reopen" as const };
  const stored = (await storedMonths(context, [month], change)).get(month);
  if (stored === undefined) throw new Error(`${month} was not read`);
  const held = Object.keys(stored.pipeline.held ?? {});
  const months = new Set(held.flatMap((key) => stored.pipeline.correctedIn?.[key] ?? []));
  const booked = await storedMonths(context, [...months].sort(), change);
  return { context, stored, booked: [...booked.values()] };
}

function refuseClosed(booked: readonly StoredMonth[]): void {
  const closed = [...new Set(booked.filter(({ head }) => head.state === "closed").map(({ month }) => month))].sort();
  if (closed.length === 0) return;
  throw new AppError(
    "ADJUSTMENT_IN_CLOSED_MONTH",
    `Its automatic adjustments lie in ${closed.join(", ")}, which is closed: reopen it first.`,
    { extra: { months: closed } },
  );
}

/** The month with what was held in the place of what was published. */
function withHeld(stored: PipelineMonth, month: string, now: Date): { pipeline: PipelineMonth; days: DayDecision[] } {
  const { held = {}, correctedIn = {}, ...rest } = structuredClone(stored);
  const pipeline: PipelineMonth = { ...rest, entries: { ...rest.entries } };
  const days = Object.entries(held).map(([key, next]): DayDecision => {
    const entry = pipeline.entries[key];
    const isSame = entry !== undefined && isSameEntry(entry, next);
    const before = stateOf(pipeline, entry);
    pipeline.entries[key] = isSame ? { ...entry, f: next.f } : { ...next, at: now.toISOString() };
    const outcome = isSame ? "unchanged" : entry === undefined ? "first_publish" : "restatement";
    return { publication: publicationOf(month, key, next), outcome, before, batches: dayBatches(pipeline, next) };
  });
  const manual = Object.entries(correctedIn).filter(([key]) => held[key] === undefined);
  if (manual.length > 0) pipeline.correctedIn = Object.fromEntries(manual);
  dropUnreferenced(pipeline);
  return { pipeline, days };
}

/** A day as the journal names it: what it consists of stands in the entry. */
function publicationOf(month: string, key: string, entry: Entry): DayDecision["publication"] {
  return {
    ...readEntryKey(month, key),
    state: entry.s,
    pulledFence: entry.f,
    rows: entry.r,
    totals: entry.t,
    parts: {},
    ...(entry.p === undefined ? {} : { pricing: entry.p }),
  };
}

function withdraw(org: OrgIdentity, pipelines: readonly HeldPipeline[], change: Change): void {
  const months = new Map<string, { stored: MonthHead; pipelines: PipelineChanges[] }>();
  for (const { context, stored, booked } of pipelines) {
    const ids = Object.keys(stored.pipeline.held ?? {}).map((key) => [key, automaticId(context.month, key)] as const);
    for (const { month, head, pipeline } of booked) {
      const own = withoutAdjustments(pipeline, ids, context);
      const known = months.get(month) ?? { stored: head, pipelines: [] };
      months.set(month, { ...known, pipelines: [...known.pipelines, { ...own, context, before: pipeline }] });
    }
  }
  for (const [month, changes] of months) writeBookedMonth(org, month, changes, change);
}

function withoutAdjustments(
  stored: PipelineMonth,
  ids: readonly (readonly [key: string, id: string])[],
  context: PublicationContext,
): Pick<PipelineChanges, "pipeline" | "changes"> {
  const pipeline = structuredClone(stored);
  const changes = ids.flatMap(([key, id]): BookedChange[] => {
    const before = adjustmentOf(stored, id);
    if (before === undefined) return [];
    pipeline.adjustments = without(pipeline.adjustments, id);
    const corrects = { ...readEntryKey(context.month, key), month: context.month, pipelineId: context.pipelineId };
    return [{ id, corrects, before, after: undefined }];
  });
  dropUnreferenced(pipeline);
  return { pipeline, changes };
}
