import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";

/**
 * What else hangs on an organization's having plans, written in the transaction that makes one. It reads, and answers what
 * writes; where all stands already it writes nothing.
 */
export type WhenPlanned = (org: OrgIdentity, change: Change) => Promise<() => void>;

/** Reads for `whenPlanned` where a plan is new; the answer writes. */
export async function withNewPlan(
  org: OrgIdentity,
  { isNew, whenPlanned }: { isNew: boolean; whenPlanned: WhenPlanned | undefined },
  change: Change,
): Promise<() => void> {
  return isNew && whenPlanned !== undefined ? whenPlanned(org, change) : () => {};
}
