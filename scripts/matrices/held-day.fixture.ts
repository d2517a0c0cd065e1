import type { Documents } from "#shared/platform/documents/documents.ts";
import { expiryOf, type QuarantineDocument, quarantineId, quarantinePath } from "#shared/quarantine/quarantine.ts";
import type { Tenant } from "./two-organizations.fixture.ts";

type Held = Pick<Tenant, "key" | "runId" | "credentialId">;

/** The id of the tenant's quarantine. */
export function heldDayId({ runId, credentialId }: Held): string {
  return quarantineId(runId, credentialId);
}

/** A day of the tenant that failed its checks, as the engine writes it. */
export async function holdDay(
  tenant: Held,
  documents: Documents,
  other: Partial<QuarantineDocument> = {},
): Promise<void> {
  const now = new Date();
  await documents.transaction(async (tx) => {
    tx.create<QuarantineDocument>(quarantinePath(tenant.key, heldDayId(tenant)), {
      quarantineId: heldDayId(tenant),
      state: "OPEN",
      runId: tenant.runId,
      pipelineId: "openai-cost-usage-cost",
      provider: "openai",
      credentialId: tenant.credentialId,
      source: tenant.credentialId,
      days: ["2026-07-02"],
      failures: [],
      oldTotals: null,
      newTotals: { USD: ["100", "100"] },
      publications: [],
      pulledFence: 1,
      epoch: 1,
      heldAt: now.toISOString(),
      expiresAt: expiryOf(now),
      decidedAt: null,
      decidedBy: null,
      reason: null,
      ...other,
    });
  });
}
