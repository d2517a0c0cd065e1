import { processRun } from "#shared/pipelines/engine.ts";
import { RunMessage } from "#shared/pipelines/run-message.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "pipeline-anthropic",
  message: RunMessage,
  uses: ["documents", "topics", "warehouse", "keys"],
  handle: ({ payload }, given) => processRun(payload, given),
  memory: "1GiB",
  timeoutSeconds: 540,
  concurrency: 8,
});
