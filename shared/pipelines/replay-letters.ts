import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import type { DeadLetterDocument } from "./dead-letters.ts";
import { isAsked, type LetterFilters, letterFilters } from "./dead-letters-read.ts";
import { replayed } from "./replay-letter.ts";

export const ReplayManyRequest = strictObject({
  ...letterFilters,
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 100 }),
});
type ReplayManyRequest = Static<typeof ReplayManyRequest>;

export const ReplayManyAnswer = strictObject({
  replayed: Type.Integer({ minimum: 0 }),
  skipped: Type.Array(strictObject({ id: Type.String(), error: Type.String() })),
});
export type ReplayManyAnswer = Static<typeof ReplayManyAnswer>;

const mostLookedAt = 5000;

/** Replays open letters, the oldest first, each in its own transaction; one that is refused stays open and is named. */
export async function replayLetters(
  { body, caller, requestId }: { body: ReplayManyRequest; caller: Caller; requestId: string },
  effects: Effects<ReplayManyAnswer>,
  ports: ReservePorts,
): Promise<ReplayManyAnswer> {
  const answer: ReplayManyAnswer = { replayed: 0, skipped: [] };
  const nothing = { prepare: async () => {}, conclude: () => {} };
  for (const id of await openLetters(body, body.limit, ports.documents)) {
    try {
      await replayed({ id, caller, requestId }, nothing, ports);
      answer.replayed += 1;
    } catch (error) {
      if (!isAppError(error) || error.retryable) throw error;
      answer.skipped.push({ id, error: error.code });
    }
  }
  return effects.commit(async (change) => {
    await effects.prepare(change);
    effects.conclude(change, answer, { details: { replayed: answer.replayed, skipped: answer.skipped.length } });
    return answer;
  });
}

async function openLetters(filters: LetterFilters, limit: number, documents: Documents): Promise<string[]> {
  const open: WholeQuery = {
    collection: "deadLetters",
    filters: [{ field: "state", is: "==", value: "OPEN" }],
    orderBy: [{ field: "firstAt", direction: "asc" }],
    limit: 100,
  };
  const ids: string[] = [];
  let lookedAt = 0;
  for await (const { path, body } of everyDocument<DeadLetterDocument>(open, documents)) {
    lookedAt += 1;
    if (isAsked(body, filters)) ids.push(path.split("/").at(-1) ?? "");
    if (ids.length >= limit || lookedAt >= mostLookedAt) break;
  }
  return ids;
}
