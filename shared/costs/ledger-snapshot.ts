import type { OrgIdentity } from "#shared/access/caller.ts";
import { monthStates, type PublishedMonth, publishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type ExactCache, monthKey } from "./frame-cache.ts";

/** The ledger of some months as it stood at one instant: every part of an answer uses these versions. */
export interface LedgerSnapshot {
  epoch: number;
  cacheEpoch: number;
  /** By month; 0 where nothing was published. */
  versions: Record<string, number>;
  /** By closed month: the version of the book of rates that it keeps. */
  fxVersions: Record<string, string>;
  /** The months in which something was published, in the asked order. */
  months: PublishedMonth[];
}

const attempts = 10;

/**
 * Reads the versions of all months in one round trip, then what each month holds at exactly that version. When a
 * publication came in between, the whole snapshot is taken again. Error: `READ_BUSY` (retryable) when it never held still.
 */
export async function ledgerSnapshot(
  asked: { org: OrgIdentity; months: readonly string[]; epoch: number; cacheEpoch: number },
  documents: Documents,
  cache: ExactCache<PublishedMonth>,
): Promise<LedgerSnapshot> {
  const { org, months, epoch, cacheEpoch } = asked;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const states = Object.entries(await monthStates(org, months, epoch, documents));
    const versions = Object.fromEntries(states.map(([month, { version }]) => [month, version]));
    const fxVersions = Object.fromEntries(
      states.flatMap(([month, { fxVersion }]) => (fxVersion === null ? [] : [[month, fxVersion]])),
    );
    const published = await Promise.all(
      months
        .filter((month) => versions[month])
        .map((month) => monthAt({ ...asked, month, version: versions[month] ?? 0 }, documents, cache)),
    );
    const whole = published.filter((month) => month !== undefined);
    if (whole.length === published.length) return { epoch, cacheEpoch, versions, fxVersions, months: whole };
  }
  throw new AppError("READ_BUSY", "The ledger kept changing while it was read.", {
    retryable: true,
    retryAfterSeconds: 1,
  });
}

/** Undefined when the month has moved on since the versions were read. */
async function monthAt(
  at: { org: OrgIdentity; month: string; epoch: number; cacheEpoch: number; version: number },
  documents: Documents,
  cache: ExactCache<PublishedMonth>,
): Promise<PublishedMonth | undefined> {
  try {
    const { value } = await cache.get(monthKey(at.org, at.month, at), async () => {
      const read = await publishedMonth(at.org, at.month, at.epoch, documents);
      if (read.version !== at.version) throw new MonthMoved();
      return read;
    });
    return value;
  } catch (error) {
    if (error instanceof MonthMoved) return undefined;
    throw error;
  }
}

/** Ends a build whose month got another version before it was read. */
class MonthMoved extends Error {}
