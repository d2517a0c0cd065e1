import { processRun } from "#shared/pipelines/engine.ts";
import { RunMessage } from "#shared/pipelines/run-message.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "pipeline-focus",
  message: RunMessage,
  uses: ["documents", "topics", "warehouse", "keys", "objects"],
  handle: ({ payload }, given) => processRun(payload, given),
  memory: "4GiB",
  timeoutSeconds: 540,
  concurrency: 1,
});
