import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { deleteSchedule, schedulesOf } from "./schedule-store.ts";

/**
 * Removes every schedule of the organization, for whoever ends it; answers how many. All reads come before its first
 * write. One that comes back gets its default schedules anew, under ids of their own.
 */
export async function removeEverySchedule(org: OrgIdentity, change: Change): Promise<() => number> {
  const stored = await schedulesOf(org, change);
  return () => {
    for (const schedule of stored) deleteSchedule(schedule, change);
    return stored.length;
  };
}
