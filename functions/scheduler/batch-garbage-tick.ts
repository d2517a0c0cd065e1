import { removeGarbage } from "#shared/pipelines/batch-garbage.ts";
import { scheduledFunction } from "#shared/runtime/declaration.ts";

export default scheduledFunction({
  cron: "20 3 * * *",
  uses: ["documents", "warehouse", "topics"],
  handle: async (_tick, given) => {
    await removeGarbage(given);
  },
  timeoutSeconds: 540,
});
