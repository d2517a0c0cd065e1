import { DependentsMessage } from "#shared/pipelines/dependents.ts";
import { startDependents } from "#shared/pipelines/start-dependents.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "run-dependents",
  message: DependentsMessage,
  uses: ["documents", "topics"],
  handle: ({ payload }, given) => startDependents(payload, given),
});
