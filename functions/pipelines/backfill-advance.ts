import { advanceBackfill } from "#shared/backfills/advance.ts";
import { AdvanceBackfillMessage } from "#shared/pipelines/backfill-message.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "advance-backfill",
  message: AdvanceBackfillMessage,
  uses: ["documents", "topics"],
  handle: ({ payload }, given) => advanceBackfill(payload, given),
});
