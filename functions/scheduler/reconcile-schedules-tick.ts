import { scheduledFunction } from "#shared/runtime/declaration.ts";
import { reconcileTick } from "#shared/schedules/reconcile.ts";

export default scheduledFunction({
  cron: "10 1 * * *",
  uses: ["documents", "topics"],
  handle: (_tick, given) => reconcileTick(given),
  timeoutSeconds: 540,
});
