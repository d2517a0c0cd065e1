import { wakeBackfill } from "#shared/backfills/advance.ts";
import { batchTimer, wakeBatch } from "#shared/batch-runs/create-batch.ts";
import { ownerReminderTimer, remindOwner } from "#shared/members/owner-reminder.ts";
import { repeatDrop } from "#shared/offboarding/drop-dataset.ts";
import { requestPurge } from "#shared/offboarding/purge.ts";
import { clearAbandoned } from "#shared/organizations/slug-lease.ts";
import { announceReadOnlyEnd, endTrial, recordEnd } from "#shared/organizations/subscription-ends.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { scheduledFunction } from "#shared/runtime/declaration.ts";
import { takeDueTimers } from "#shared/timers/take-due.ts";
import { metricValuesTimer, removeMetricValues } from "#shared/unit-economics/removed-values.ts";

export default scheduledFunction({
  cron: "*/5 * * * *",
  uses: ["documents", "topics"],
  handle: async (_tick, given) => {
    await takeDueTimers(
      {
        "trial-end": endTrial,
        "grace-end": recordEnd,
        "contract-end": recordEnd,
        "read-only-end": announceReadOnlyEnd,
        provisioning: clearAbandoned,
        "dataset-drop": repeatDrop,
        "org-purge": requestPurge,
        backfill: wakeBackfill,
        [batchTimer]: wakeBatch,
        [metricValuesTimer]: removeMetricValues,
        [ownerReminderTimer]: (timer, change) => remindOwner(timer, change, given),
      },
      { ...given, commit: (body) => commitChange(body, given) },
    );
  },
  timeoutSeconds: 300,
});
