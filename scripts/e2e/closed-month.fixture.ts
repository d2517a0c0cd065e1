import type { OrgIdentity } from "#shared/access/caller.ts";
import { closeMonth, monthHead } from "#shared/ledger/closing.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { World } from "./world.ts";

/** Closes a month as it stands, whatever it lacks and whether it is over or not. */
export async function closeAsItStands(world: World, org: OrgIdentity, month: string): Promise<void> {
  const place = { org, datasetId: "", epoch: 1, month };
  await commitChange(async (change) => {
    const facts = { at: change.now.toISOString(), by: "root", note: null, totals: {}, rows: 0, fxVersion: "fx" };
    closeMonth(place, await monthHead(place, change), facts, change);
  }, world.ports);
}
