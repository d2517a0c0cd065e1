import { LRUCache } from "lru-cache";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { apiKeyHash } from "./api-key.ts";
import type { ApiKeyDocument } from "./verify.ts";

const minuteMilliseconds = 60_000;

/** When this process last looked at each key, by the key's hash. */
const looks = new WeakMap<Documents, LRUCache<string, number>>();

/**
 * Keeps `lastUsedAt` of a key that was just verified, at most once a minute for each; undefined when there is nothing to
 * do. It is no part of the key's history. A function has no processor after its answer (`architecture.md` 3), so the
 * caller starts this beside its work and waits for it before it answers.
 */
export function noteKeyUse(
  apiKey: string,
  { documents, clock }: { documents: Documents; clock: Clock },
): Promise<void> | undefined {
  const hash = apiKeyHash(apiKey);
  const known = looksOf(documents);
  const now = clock.now();
  if (now.getTime() - (known.get(hash) ?? 0) < minuteMilliseconds) return undefined;
  known.set(hash, now.getTime());
  return keepUse(`apiKeys/${hash}`, now, documents);
}

function keepUse(path: string, now: Date, documents: Documents): Promise<void> {
  return documents.transaction(async (tx) => {
    const { body } = await tx.get<ApiKeyDocument>(path);
    if (body === undefined || body.state === "REVOKED") return;
    if (body.lastUsedAt !== null && now.getTime() - Date.parse(body.lastUsedAt) < minuteMilliseconds) return;
    tx.set<ApiKeyDocument>(path, { ...body, lastUsedAt: now.toISOString() });
  });
}

function looksOf(documents: Documents): LRUCache<string, number> {
  const known = looks.get(documents) ?? new LRUCache<string, number>({ max: 10_000 });
  looks.set(documents, known);
  return known;
}
