import type { Documents } from "#shared/platform/documents/documents.ts";
import { isAppError } from "#shared/runtime/errors.ts";

/**
 * Document `platform/highMarks`: the highest that any organization has come to, kept by those who come higher, so that
 * nobody has to look through organizations. Marks are steps: a day writes it some hundred times at most.
 */
export interface HighMarks {
  /** By provider, the newest UTC day that is published. */
  newestDays: Record<string, string>;
  /** By table, the largest share of what its warehouse takes on this UTC day. */
  budget: { day: string; shares: Record<string, number> };
  /** By UTC day, the newest two of them: bytes of the largest ledger document that was published to. */
  ledgerBytes: Record<string, number>;
}

/** What somebody has come to. */
export type Reached =
  | { kind: "published"; provider: string; day: string; ledgerBytes: number }
  | { kind: "loaded"; table: string; share: number };

export const highMarksPath = "platform/highMarks";

/** Steps of a budget's share: twenty for the whole of it. */
const shareSteps = 20;
/** Documents may hold 900 KiB. */
const byteStep = 10_000;
const none: HighMarks = { newestDays: {}, budget: { day: "", shares: {} }, ledgerBytes: {} };

/**
 * Raises the marks where they are lower, rounded up to their steps. One read where they are not. A store that does not answer
 * leaves it to whoever comes next: a mark is no reason to fail what has reached it.
 */
export async function noteReached(reached: Reached, documents: Documents): Promise<void> {
  try {
    const { body, readAt } = await documents.get<HighMarks>(highMarksPath);
    if (raised(body, reached, readAt) !== undefined) await raise(reached, documents);
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
  }
}

function raise(reached: Reached, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    const stored = await tx.get<HighMarks>(highMarksPath);
    const next = raised(stored.body, reached, stored.readAt);
    if (next !== undefined) tx.set<HighMarks>(highMarksPath, next);
  });
}

/** Undefined where nothing is raised. */
export function raised(stored: HighMarks = none, reached: Reached, now: Date): HighMarks | undefined {
  const today = now.toISOString().slice(0, 10);
  const next =
    reached.kind === "published" ? withPublished(stored, reached, today) : withLoaded(stored, reached, today);
  return JSON.stringify(next) === JSON.stringify(stored) ? undefined : next;
}

function withPublished(
  stored: HighMarks,
  { provider, day, ledgerBytes }: Reached & { kind: "published" },
  today: string,
): HighMarks {
  const known = stored.newestDays[provider];
  const newestDays =
    known !== undefined && known >= day ? stored.newestDays : { ...stored.newestDays, [provider]: day };
  const bytes = Math.ceil(ledgerBytes / byteStep) * byteStep;
  if (bytes <= (stored.ledgerBytes[today] ?? 0)) return { ...stored, newestDays };
  const before = Object.entries(stored.ledgerBytes).filter(([other]) => other < today);
  const newest = before.sort(([one], [other]) => (one < other ? 1 : -1)).slice(0, 1);
  return { ...stored, newestDays, ledgerBytes: { ...Object.fromEntries(newest), [today]: bytes } };
}

function withLoaded(stored: HighMarks, { table, share }: Reached & { kind: "loaded" }, today: string): HighMarks {
  const shares = stored.budget.day === today ? stored.budget.shares : {};
  const reached = Math.ceil(share * shareSteps) / shareSteps;
  if (reached <= (shares[table] ?? 0)) return stored;
  return { ...stored, budget: { day: today, shares: { ...shares, [table]: reached } } };
}
