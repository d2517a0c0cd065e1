import { type Static, Type } from "@sinclair/typebox";
import type { ApiKeyDocument } from "#shared/access/verify.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { everyDocument, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { anyOrganizationNamed } from "./organization-named.ts";

const count = Type.Integer({ minimum: 0 });

export const AdminOrganization = strictObject({
  org_slug: Type.String(),
  datasets_created: count,
  api_keys_count: count,
  total_pipeline_runs: count,
});
export type AdminOrganization = Static<typeof AdminOrganization>;

/** What older operators' tools count: the dataset, keys that live, and runs that are still kept. */
export async function adminOrganization(
  slug: string,
  { documents, warehouse }: { documents: Documents; warehouse: Warehouse },
): Promise<AdminOrganization> {
  const { identity, org } = await anyOrganizationNamed(slug, documents);
  const now = (await documents.get(`orgs/${identity.key}`)).readAt.getTime();
  const isLive = ({ state, expiresAt }: ApiKeyDocument): boolean =>
    state !== "REVOKED" && (expiresAt === null || Date.parse(expiresAt) > now);
  const [dataset, keys, runs] = await Promise.all([
    warehouse.describeDataset(org.dataset.id),
    counted<ApiKeyDocument>(
      {
        collection: "apiKeys",
        filters: [{ field: "org", is: "==", value: identity.key }],
        orderBy: [{ field: "createdAt", direction: "desc" }],
      },
      isLive,
      documents,
    ),
    counted<RunDocument>(
      { collection: `orgs/${identity.key}/runs`, orderBy: [{ field: "createdAt", direction: "desc" }] },
      () => true,
      documents,
    ),
  ]);
  // Labels are kept in lower case.
  const datasets_created = dataset?.label?.toLowerCase() === org.orgId.toLowerCase() ? 1 : 0;
  return { org_slug: org.slug, datasets_created, api_keys_count: keys, total_pipeline_runs: runs };
}

async function counted<T extends object>(
  query: WholeQuery,
  counts: (body: T) => boolean,
  documents: Documents,
): Promise<number> {
  let total = 0;
  for await (const { body } of everyDocument<T>(query, documents)) if (counts(body)) total += 1;
  return total;
}
