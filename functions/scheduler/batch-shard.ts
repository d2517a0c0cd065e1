import { BatchShardMessage } from "#shared/batch-runs/batch-message.ts";
import { takeBatchShard } from "#shared/batch-runs/work-shard.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "batch-shard",
  message: BatchShardMessage,
  uses: ["documents", "topics"],
  handle: ({ payload }, given) => takeBatchShard(payload, given),
  timeoutSeconds: 540,
});
