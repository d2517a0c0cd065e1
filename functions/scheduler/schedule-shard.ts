import { topicFunction } from "#shared/runtime/declaration.ts";
import { runShard } from "#shared/schedules/due-schedules.ts";
import { ScheduleShardMessage } from "#shared/schedules/schedule-message.ts";

export default topicFunction({
  topic: "schedule-shard",
  message: ScheduleShardMessage,
  uses: ["documents", "topics"],
  handle: ({ payload }, given) => runShard(payload, given),
  timeoutSeconds: 540,
});
