import { DatasetDrop, dropAgain } from "#shared/offboarding/drop-dataset.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "dataset-drop",
  message: DatasetDrop,
  uses: ["documents", "warehouse", "topics"],
  handle: ({ payload }, given) => dropAgain(payload, given),
});
