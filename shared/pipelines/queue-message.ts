import { type Static, Type } from "@sinclair/typebox";
import type { Message } from "#shared/platform/topics/topics.ts";
import { strictObject } from "#shared/runtime/schema.ts";

/** Message to `admit-queue`: a slot of the organization may be free. */
export const AdmitQueueMessage = strictObject({
  v: Type.Literal(1),
  org: Type.String({ pattern: "^[a-z0-9_]{3,50}$" }),
});
export type AdmitQueueMessage = Static<typeof AdmitQueueMessage>;

export function admitQueueMessage(orgKey: string): Message {
  const payload: AdmitQueueMessage = { v: 1, org: orgKey };
  return { topic: "admit-queue", payload, attributes: { org: orgKey } };
}
