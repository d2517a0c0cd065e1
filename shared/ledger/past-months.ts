import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { headPath, type PublishedAdjustment, type PublishedDay, type PublishedMonth } from "./current-batches.ts";
import type { MonthHead, ReplacedDay } from "./ledger.ts";
import type { JournalDay, JournalDocument } from "./publish.ts";

/** A month as it was at an instant. */
export interface PastMonth {
  published: PublishedMonth;
  /** Of the book of rates that it kept as a closed month then; null where it was open. */
  fxVersion: string | null;
}

/** An entry of the journal, and when the store committed it. */
interface Journalled {
  body: JournalDocument;
  at: string;
}

const pageSize = 500;

/**
 * Months as they were at an instant (RFC 3339 UTC with milliseconds), made of what they are now: every later change is
 * undone by what the journal kept of it. What the store committed at the instant itself counts. A `string` is the instant
 * up to which a month cannot be told, because a later change was journalled by an earlier release. Source: costs.md I7.
 */
export async function pastMonths(
  { org, epoch, instant }: { org: OrgIdentity; epoch: number; instant: string },
  current: readonly PublishedMonth[],
  documents: Documents,
): Promise<(PastMonth | string)[]> {
  const heads = await documents.getAll<MonthHead>(current.map(({ month }) => headPath(org, month)));
  return Promise.all(
    current.map(async (month, at): Promise<PastMonth | string> => {
      const { body: head, createdAt = instant, updatedAt = instant } = heads[at] ?? {};
      const fxVersion = head === undefined ? null : bookKept(head, instant);
      if (updatedAt <= instant) return { published: month, fxVersion };
      const later = (await journalledAfter(org, month, instant, documents)).filter(
        ({ body }) => body.kind !== "held" && !(body.epoch === epoch && body.ledgerVersion > month.version),
      );
      const untold = later
        .filter(({ body }) => body.epoch !== epoch || body.days.some(lacksImage))
        .map((one) => one.at);
      const latest = untold.sort().at(-1);
      if (latest !== undefined) return latest;
      const published = undone(month, later);
      const isFirst = createdAt > instant;
      return hasAllChanges(later, { from: isFirst ? 0 : published.version, to: month.version })
        ? { published, fxVersion }
        : updatedAt;
    }),
  );
}

async function journalledAfter(
  org: OrgIdentity,
  { month }: PublishedMonth,
  instant: string,
  documents: Documents,
): Promise<Journalled[]> {
  const found: Journalled[] = [];
  let cursor: string | undefined;
  do {
    const page = await documents.list<JournalDocument>({
      collection: `orgs/${org.key}/journal`,
      filters: [
        { field: "month", is: "==", value: month },
        { field: "createdAt", is: ">", value: instant },
      ],
      orderBy: [{ field: "createdAt", direction: "asc" }],
      limit: pageSize,
      cursor,
    });
    found.push(...page.documents.map(({ body, createdAt = body.recordedAt }) => ({ body, at: createdAt })));
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

function bookKept({ state, closing, closings = [] }: MonthHead, instant: string): string | null {
  if (state === "closed" && closing !== undefined && closing.at <= instant) return closing.fxVersion;
  return closings.find(({ at, until }) => at <= instant && until > instant)?.fxVersion ?? null;
}

/** Whether each version after one up to another was journalled: what is told of the past is never made of a part. */
function hasAllChanges(later: readonly Journalled[], { from, to }: { from: number; to: number }): boolean {
  return new Set(later.map(({ body }) => body.ledgerVersion)).size === to - from;
}

function lacksImage({ replaced }: JournalDay): boolean {
  return replaced === undefined;
}

/** The month without the changes, the newest taken back first. */
function undone(month: PublishedMonth, later: readonly Journalled[]): PublishedMonth {
  const days = new Map(month.days.map((day) => [dayKey(day), day]));
  const adjustments = new Map((month.adjustments ?? []).map((one) => [adjustmentKey(one), one]));
  const changes = later.map(({ body }) => body).sort((a, b) => b.ledgerVersion - a.ledgerVersion);
  for (const { days: changed, pipelineId, source } of changes) {
    // Of a correction that moved from one batch to another both have the day: what came goes before what went comes back.
    for (const day of changed) {
      const place = { pipelineId, source, day: day.day };
      if (day.corrects === undefined) days.delete(dayKey(place));
      else for (const id of day.newBatches) adjustments.delete(correctionKey(place, id));
    }
    for (const day of changed) {
      if (day.replaced == null) continue;
      const image = publishedAgain({ pipelineId, source }, day, day.replaced);
      if (day.corrects === undefined) days.set(dayKey(image), image);
      else adjustments.set(adjustmentKey(image), adjustmentAgain(image));
    }
  }
  return {
    month: month.month,
    epoch: month.epoch,
    version: Math.min(month.version, ...changes.map(({ ledgerVersion }) => ledgerVersion - 1)),
    days: [...days.values()],
    ...(adjustments.size > 0 ? { adjustments: [...adjustments.values()] } : {}),
  };
}

function publishedAgain(
  of: Pick<PublishedDay, "pipelineId" | "source">,
  { day, oldTotals, rowsOld }: JournalDay,
  replaced: ReplacedDay,
): PublishedDay {
  return { ...of, day, rows: rowsOld ?? 0, totals: oldTotals ?? {}, ...replaced };
}

function adjustmentAgain({ state: _state, ...adjustment }: PublishedDay): PublishedAdjustment {
  return adjustment;
}

function dayKey({ pipelineId, source, day }: Pick<PublishedDay, "pipelineId" | "source" | "day">): string {
  return JSON.stringify([pipelineId, source, day]);
}

function adjustmentKey(one: PublishedAdjustment): string {
  return correctionKey(one, Object.values(one.batches)[0]?.[0] ?? "");
}

function correctionKey(
  { pipelineId, source, day }: Pick<PublishedDay, "pipelineId" | "source" | "day">,
  batchId: string,
): string {
  return JSON.stringify([pipelineId, source, day, batchId]);
}
