import { scheduledFunction } from "#shared/runtime/declaration.ts";
import { tickSchedules } from "#shared/schedules/due-schedules.ts";

export default scheduledFunction({
  cron: "*/5 * * * *",
  uses: ["documents", "topics"],
  handle: (_tick, given) => tickSchedules(given),
});
