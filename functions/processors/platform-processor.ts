import { processRun } from "#shared/pipelines/engine.ts";
import { RunMessage } from "#shared/pipelines/run-message.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "pipeline-platform",
  message: RunMessage,
  uses: ["documents", "topics", "warehouse", "keys"],
  handle: ({ payload }, given) => processRun(payload, given),
  memory: "512MiB",
  timeoutSeconds: 540,
  concurrency: 2,
});
