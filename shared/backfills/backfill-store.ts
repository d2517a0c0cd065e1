import type { OrgIdentity } from "#shared/access/caller.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { isTerminal } from "#shared/pipelines/run.ts";
import type { Documents, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import type { BackfillDocument } from "./backfill.ts";

/** Chunks wait for their runs; should a message be lost, somebody looks after this long. */
export const watchMilliseconds = 30 * 60_000;
/** Kind of the timer that wakes a backfill. */
export const backfillTimer = "backfill";

type Tx = Pick<Transaction, "get" | "list">;

export function backfillPath(orgKey: string, backfillId: string): string {
  return `orgs/${orgKey}/backfills/${backfillId}`;
}

export function backfillTimerPath(orgKey: string, backfillId: string): string {
  return timerPath(backfillTimer, `${orgKey}.${backfillId}`);
}

/** The backfill, or the same 404 for another organization's and for none. */
export async function storedBackfill(
  org: Pick<OrgIdentity, "key">,
  backfillId: string,
  store: Pick<Documents, "get">,
): Promise<Snapshot<BackfillDocument> & { body: BackfillDocument }> {
  if (!/^bf_[0-9A-HJKMNP-TV-Z]{26}$/.test(backfillId)) throw backfillNotFound();
  const snapshot = await store.get<BackfillDocument>(backfillPath(org.key, backfillId));
  if (snapshot.body === undefined) throw backfillNotFound();
  return { ...snapshot, body: snapshot.body };
}

/** Backfills of the organization that have not ended. */
export async function openBackfills(org: Pick<OrgIdentity, "key">, tx: Tx): Promise<BackfillDocument[]> {
  const page = await tx.list<BackfillDocument>({
    collection: `orgs/${org.key}/backfills`,
    filters: [{ field: "open", is: "==", value: true }],
    limit: 200,
  });
  return page.documents.map(({ body }) => body);
}

/** Units that backfills of the organization hold or have used on the UTC day of `now`; `enough` of them end the count. */
export async function chunksOfToday(
  org: Pick<OrgIdentity, "key">,
  { now, enough }: { now: Date; enough: number },
  tx: Tx,
): Promise<number> {
  const today = now.toISOString().slice(0, 10);
  let taken = 0;
  for (const triggerType of ["backfill", "catch_up"] as const) {
    const page = await tx.list<RunDocument>({
      collection: `orgs/${org.key}/runs`,
      filters: [{ field: "triggerType", is: "==", value: triggerType }],
      orderBy: [{ field: "createdAt", direction: "desc" }],
      // Failed ones give their unit back and stand among the others: at most as many as were tried in a day.
      limit: Math.max(50, 4 * enough),
    });
    taken += page.documents.filter(({ body }) => isTaken(body, today)).length;
  }
  return taken;
}

function isTaken({ status, unit }: RunDocument, today: string): boolean {
  const isWaiting = !isTerminal(status) && unit.state === "returned";
  return isWaiting || (unit.day === today && unit.state !== "returned");
}

/** Sets the alarm of a backfill; its path must have been read in this transaction. */
export function wakeAt(backfill: BackfillDocument, dueAt: string, change: Change): void {
  const { org, backfillId } = backfill;
  change.set<TimerDocument>(backfillTimerPath(org.key, backfillId), {
    kind: backfillTimer,
    org: org.key,
    dueAt,
    payload: { backfillId },
  });
}

function backfillNotFound(): AppError {
  return new AppError("BACKFILL_NOT_FOUND", "There is no such backfill.");
}
