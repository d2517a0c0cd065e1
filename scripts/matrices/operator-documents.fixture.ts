import { noBatchCounts, type OrgBatchDocument, orgBatchPath } from "#shared/pipelines/batch-counts.ts";
import { type DeadLetterDocument, deadLetterPath } from "#shared/pipelines/dead-letters.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Tenant } from "./two-organizations.fixture.ts";

/** A letter that reads may show; nobody decides about it. */
export const exampleLetterId = "e".repeat(64);

/** The id of the batch that the tenant was in. */
export function exampleBatchId({ runId }: Pick<Tenant, "runId">): string {
  return `batch_${runId.slice(4)}`;
}

/** A message that could not be handled, and a batch of each tenant, as the platform writes them. */
export async function keepOperatorDocuments(tenants: readonly Tenant[], documents: Documents): Promise<void> {
  const now = new Date();
  await documents.transaction(async (tx) => {
    tx.create<DeadLetterDocument>(deadLetterPath(exampleLetterId), {
      ...{ topic: "mail", payload: { to: "nobody" }, attributes: {}, reason: "no relay", deliveries: 10 },
      ...{ org: null, runId: null, state: "DISCARDED", firstAt: now.toISOString() },
      settled: { at: now.toISOString(), action: "discarded", runId: null, reason: "an example" },
      expireAt: new Date(now.getTime() + 86_400_000).toISOString(),
    });
    for (const tenant of tenants)
      tx.create<OrgBatchDocument>(orgBatchPath(tenant.key, exampleBatchId(tenant)), {
        ...{ batchRunId: exampleBatchId(tenant), kind: "publish", status: "COMPLETED", triggerBy: "batch" },
        ...{ counts: noBatchCounts, results: [], isStarted: true },
        ...{ startedAt: now.toISOString(), endedAt: now.toISOString() },
      });
  });
}
