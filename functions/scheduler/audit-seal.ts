import { sealAudits } from "#shared/audit/seal.ts";
import { scheduledFunction } from "#shared/runtime/declaration.ts";

export default scheduledFunction({
  cron: "*/5 * * * *",
  uses: ["documents"],
  handle: async (_tick, given) => {
    await sealAudits(given);
  },
  timeoutSeconds: 300,
});
