import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents, Page } from "#shared/platform/documents/documents.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { type BackfillDocument, backfillStates, dailyShare } from "./backfill.ts";
import { BackfillAnswer, backfillAnswer } from "./backfill-answer.ts";
import { storedBackfill } from "./backfill-store.ts";

export const BackfillListQuery = strictObject({
  state: Type.Optional(choice(backfillStates)),
  ...paging({ most: 200 }),
});
type BackfillListQuery = Static<typeof BackfillListQuery>;

export const BackfillList = strictObject({
  backfills: Type.Array(BackfillAnswer),
  limit: Type.Integer(),
  next_cursor: nullable(Type.String()),
});
export type BackfillList = Static<typeof BackfillList>;

/** Backfills of the organization, newest first. */
export async function listBackfills(
  org: OrgIdentity,
  query: BackfillListQuery,
  documents: Documents,
): Promise<BackfillList> {
  const { state, limit, cursor } = query;
  const page: Page<BackfillDocument> = await documents.list<BackfillDocument>({
    collection: `orgs/${org.key}/backfills`,
    filters: state === undefined ? [] : [{ field: "state", is: "==", value: state }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit,
    cursor,
  });
  const share = await shareNow(org, documents);
  const backfills = page.documents.map(({ body, createdAt = null }) =>
    backfillAnswer(body, { createdAt, now: page.readAt, share }),
  );
  return { backfills, limit, next_cursor: page.next ?? null };
}

/** One backfill. Throws `BACKFILL_NOT_FOUND`: the same for another organization's and for none. */
export async function readBackfill(
  org: OrgIdentity,
  backfillId: string,
  documents: Documents,
): Promise<BackfillAnswer> {
  const { body, createdAt = null, readAt: now } = await storedBackfill(org, backfillId, documents);
  return backfillAnswer(body, { createdAt, now, share: await shareNow(org, documents) });
}

/** Chunks that the organization may start in a day; null: any number. */
export async function shareNow(org: OrgIdentity, documents: Pick<Documents, "get">): Promise<number | null> {
  const { body, readAt } = await documents.get<SubscriptionDocument>(subscriptionPath(org));
  return dailyShare(effectiveSubscription(body, await plans(), readAt).limits.daily);
}
