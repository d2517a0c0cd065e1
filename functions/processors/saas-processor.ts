import { OwnRunMessage, takeOwnRunMessage } from "#shared/pipelines/requested-runs.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "pipeline-saas",
  message: OwnRunMessage,
  uses: ["documents", "topics", "warehouse", "keys"],
  handle: ({ payload }, given) => takeOwnRunMessage(payload, given),
  memory: "1GiB",
  timeoutSeconds: 540,
  concurrency: 4,
});
