import { flushHistory } from "#shared/history/flush.ts";
import { scheduledFunction } from "#shared/runtime/declaration.ts";

export default scheduledFunction({
  cron: "*/5 * * * *",
  uses: ["documents", "warehouse"],
  handle: async (_tick, given) => {
    await flushHistory(given);
  },
  memory: "1GiB",
});
