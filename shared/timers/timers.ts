import type { Transaction } from "#shared/platform/documents/documents.ts";

/** Document `timers/{kind}:{id}`: something to be done from an instant on. One per kind and id. */
export interface TimerDocument {
  kind: string;
  /** Key of the organization it is about. */
  org: string | null;
  /** RFC 3339, UTC. */
  dueAt: string;
  payload: Record<string, unknown>;
}

export function timerPath(kind: string, id: string): string {
  return `timers/${kind}:${id}`;
}

/**
 * Sets the organization's timer of this kind to an instant, or removes it (null). Its path must have been read in this
 * transaction; one write per transaction.
 */
export function setOrgTimer(
  timer: { kind: string; org: string; dueAt: string | null; payload?: Record<string, unknown> },
  tx: Transaction,
): void {
  const { kind, org, dueAt, payload = {} } = timer;
  const path = timerPath(kind, org);
  if (dueAt === null) tx.delete(path);
  else tx.set<TimerDocument>(path, { kind, org, dueAt, payload });
}
