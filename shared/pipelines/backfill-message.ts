import { type Static, Type } from "@sinclair/typebox";
import type { Message } from "#shared/platform/topics/topics.ts";
import { strictObject } from "#shared/runtime/schema.ts";

/** Message to `advance-backfill`: a chunk has ended, or it is time for the next. */
export const AdvanceBackfillMessage = strictObject({
  v: Type.Literal(1),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
  backfill_id: Type.String({ pattern: "^bf_[0-9A-HJKMNP-TV-Z]{26}$" }),
});
export type AdvanceBackfillMessage = Static<typeof AdvanceBackfillMessage>;

export function advanceBackfillMessage(orgKey: string, backfillId: string): Message {
  const payload: AdvanceBackfillMessage = { v: 1, org: orgKey, backfill_id: backfillId };
  return { topic: "advance-backfill", payload, attributes: { org: orgKey } };
}
