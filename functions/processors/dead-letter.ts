import { Type } from "@sinclair/typebox";
import { keepDeadLetter } from "#shared/pipelines/dead-letters.ts";
import { topicFunction } from "#shared/runtime/declaration.ts";

export default topicFunction({
  topic: "dead-letter",
  message: Type.Unknown(),
  uses: ["documents", "topics"],
  handle: (message, given) => keepDeadLetter(message, given),
});
