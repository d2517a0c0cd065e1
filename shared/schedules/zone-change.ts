import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { schedulesOf, settledSchedule, writeSchedule } from "./schedule-store.ts";

/**
 * Reads the schedules that follow the organization's zone, inside the transaction that changes it; the answer moves them to
 * the new one. Nothing runs retroactively.
 */
export async function schedulesInZone(org: OrgIdentity, zone: string, change: Change): Promise<() => void> {
  const following = (await schedulesOf(org, change)).filter(({ body }) => body.isOrgZone && body.timezone !== zone);
  return () => {
    for (const stored of following)
      writeSchedule(settledSchedule({ ...stored.body, timezone: zone }, stored.body, stored.readAt), stored, change);
  };
}
