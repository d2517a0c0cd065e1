import { type Static, Type } from "@sinclair/typebox";
import type { Message } from "#shared/platform/topics/topics.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { batchShards } from "./batch-run.ts";

/** Message to `batch-shard`: one slice of a batch's organizations is to be taken further. */
export const BatchShardMessage = strictObject({
  v: Type.Literal(1),
  batch_run_id: Type.String({ pattern: "^batch_[0-7][0-9A-HJKMNP-TV-Z]{25}$" }),
  shard: Type.Integer({ minimum: 0, maximum: batchShards - 1 }),
});
export type BatchShardMessage = Static<typeof BatchShardMessage>;

export function batchShardMessage(batchRunId: string, shard: number): Message {
  const payload: BatchShardMessage = { v: 1, batch_run_id: batchRunId, shard };
  return { topic: "batch-shard", payload, attributes: { shard: String(shard) } };
}
