import { admitWaiting } from "#shared/pipelines/admission.ts";
import { AdmitQueueMessage } from "#shared/pipelines/queue-message.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "admit-queue",
  message: AdmitQueueMessage,
  uses: ["documents", "topics"],
  handle: async ({ payload }, given) => {
    await admitWaiting(payload.org, given);
  },
});
