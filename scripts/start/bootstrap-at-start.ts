import { bootstrap } from "#shared/bootstrap/bootstrap.ts";
import { type BootstrapDocument, bootstrapPath } from "#shared/bootstrap/bootstrap-lease.ts";
import { commitChange } from "#shared/runtime/change.ts";
import type { Given, PortName } from "#shared/runtime/ports.ts";

/**
 * Bootstraps the platform before a host opens its port. A lease that is still running belongs to an earlier process,
 * which ended in the middle: the store lets only one process in.
 */
export async function bootstrapAtStart(given: Given<PortName>): Promise<void> {
  await commitChange(async (change) => {
    const { body } = await change.get<BootstrapDocument>(bootstrapPath);
    if (body?.leaseUntil) change.set<BootstrapDocument>(bootstrapPath, { ...body, leaseUntil: null });
  }, given);
  await bootstrap({ commit: (body) => commitChange(body, given), conclude: async () => {} }, given);
}
