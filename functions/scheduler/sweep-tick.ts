import { measureGauges } from "#shared/pipelines/gauges.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import { scheduledFunction } from "#shared/runtime/declaration.ts";
import { sweepOutbox } from "#shared/runtime/outbox.ts";

export default scheduledFunction({
  cron: "* * * * *",
  uses: ["documents", "topics"],
  handle: async ({ at }, given) => {
    await sweepOutbox(at, given);
    await sweepRuns(given);
    await measureGauges(given.documents);
  },
});
