import { LRUCache } from "lru-cache";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { type RateState, type WindowDocument, windowEnd, windowPath } from "./rate-limits.ts";

/**
 * The plan's requests per minute of an organization, approximately: this instance counts for itself and brings its part
 * to the store at most every 2 s, where it learns the others'. What passes beyond the limit is at most the traffic of
 * those 2 s. Source: `organizations.md` 10.
 */
export interface RequestRate {
  /** Counts one request of the organization in the UTC minute of `now`; one too many is not counted. */
  count(org: string, limit: number, now: Date): RateState;
  /** Undefined while the last exchange is younger than 2 s or under way; a store that is down changes nothing. */
  exchange(org: string, now: Date, documents: Documents): Promise<void> | undefined;
}

const windowSeconds = 60;
const exchangeMilliseconds = 2_000;

interface Minute {
  end: number;
  /** Of all instances, as of the last exchange. */
  shared: number;
  /** Of this instance, since then. */
  own: number;
  exchangedAt: number;
  isExchanging: boolean;
}

/** The counts of one instance. */
export function requestRate(): RequestRate {
  const minutes = new LRUCache<string, Minute>({ max: 10_000 });
  const minuteOf = (org: string, now: Date): Minute => {
    const end = windowEnd(now.getTime(), windowSeconds);
    const known = minutes.get(org);
    if (known?.end === end) return known;
    const fresh = { end, shared: 0, own: 0, exchangedAt: 0, isExchanging: false };
    minutes.set(org, fresh);
    return fresh;
  };
  return {
    count: (org, limit, now) => {
      const minute = minuteOf(org, now);
      const used = minute.shared + minute.own;
      if (used < limit) minute.own += 1;
      const resetSeconds = Math.max(1, Math.ceil((minute.end - now.getTime()) / 1000));
      return { limit, remaining: limit - used - 1, resetSeconds };
    },
    exchange: (org, now, documents) => {
      const minute = minuteOf(org, now);
      if (minute.isExchanging || now.getTime() - minute.exchangedAt < exchangeMilliseconds) return undefined;
      return exchanged(org, minute, now, documents);
    },
  };
}

async function exchanged(org: string, minute: Minute, now: Date, documents: Documents): Promise<void> {
  const part = minute.own;
  minute.isExchanging = true;
  // Also after a failure: a store that is down is not asked with every request.
  minute.exchangedAt = now.getTime();
  try {
    minute.shared = await added(org, part, minute.end, documents);
    minute.own -= part;
  } finally {
    minute.isExchanging = false;
  }
}

/** The count of all instances in the minute that ends then, this part included. */
function added(org: string, part: number, end: number, documents: Documents): Promise<number> {
  const path = windowPath({ scope: `requests ${org}`, windowSeconds });
  const endAt = new Date(end).toISOString();
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<WindowDocument>(path);
    // An instance whose clock is late must not take the others back into the minute before.
    if (body !== undefined && body.windowEnd > endAt) return part;
    const count = (body?.windowEnd === endAt ? body.count : 0) + part;
    if (part > 0 || body?.windowEnd !== endAt)
      tx.set<WindowDocument>(path, { count, windowEnd: endAt, expireAt: endAt });
    return count;
  });
}
