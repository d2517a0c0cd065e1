import { ensureOutputTables, OutputTablesMessage } from "#shared/pipelines/output-tables.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "pipeline-outputs",
  message: OutputTablesMessage,
  uses: ["documents", "warehouse", "topics"],
  handle: ({ payload }, given) => ensureOutputTables(payload, given),
  timeoutSeconds: 540,
});
