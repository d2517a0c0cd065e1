import { type Static, Type } from "@sinclair/typebox";
import type { Message } from "#shared/platform/topics/topics.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { scheduleShards } from "./new-schedule.ts";

/** Message to `schedule-shard`: one slice of the schedules is to be looked at, from the cursor on. */
export const ScheduleShardMessage = strictObject({
  v: Type.Literal(1),
  shard: Type.Integer({ minimum: 0, maximum: scheduleShards - 1 }),
  cursor: Type.Optional(Type.String({ maxLength: 1000 })),
});
export type ScheduleShardMessage = Static<typeof ScheduleShardMessage>;

export function scheduleShardMessage(shard: number, cursor?: string): Message {
  const payload: ScheduleShardMessage = { v: 1, shard, ...(cursor === undefined ? {} : { cursor }) };
  return { topic: "schedule-shard", payload, attributes: { shard: String(shard) } };
}
