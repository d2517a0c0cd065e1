import type { Caller, OrgIdentity } from "#shared/access/caller.ts";

/** Whose schedules a request is about: the organization of its credential, for the operator all (undefined). */
export function scopeOf({ caller, org }: { caller: Caller; org: OrgIdentity }): OrgIdentity | undefined {
  return caller.kind === "root" ? undefined : org;
}
