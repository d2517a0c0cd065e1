import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type BilledSku, billedSkus } from "#shared/costs/billed-skus.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { batchDaysOf, monthStates, publishedMonth } from "#shared/ledger/current-batches.ts";
import { existingOrg, type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { BookPorts } from "./releases.ts";

export type ObservedPorts = BookPorts & { warehouse: Warehouse };

/** The months that are looked at: the current one and those before it. */
const monthsBack = 2;

/** By organization, month and the ledger's version of it: the same version says the same for ever. */
const known = new WeakMap<Warehouse, LRUCache<string, readonly BilledSku[]>>();

/**
 * What the organization itself was billed for tokens in this UTC month and the two before, newest month first; of
 * published rows whose money and quantity the provider reports. Source: `prices-and-plans.md` A5.
 */
export async function observedSkus(org: OrgIdentity, ports: ObservedPorts): Promise<BilledSku[]> {
  const { documents } = ports;
  const months = lastMonths(ports.clock.now());
  const organization = existingOrg((await documents.get<OrgDocument>(orgPath(org.key))).body);
  const states = await monthStates(org, months, organization.ledgerEpoch, documents);
  const published = months.filter((month) => (states[month]?.version ?? 0) > 0);
  const found = await Promise.all(
    published.map((month) => skusOf({ org, organization, month, version: states[month]?.version ?? 0 }, ports)),
  );
  return found.flat();
}

function lastMonths(now: Date): string[] {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return Array.from({ length: monthsBack + 1 }, (_, back) =>
    new Date(Date.UTC(year, month - back, 1)).toISOString().slice(0, 7),
  );
}

interface OfMonth {
  org: OrgIdentity;
  organization: OrgDocument;
  month: string;
  version: number;
}

async function skusOf(at: OfMonth, ports: ObservedPorts): Promise<readonly BilledSku[]> {
  const { org, organization, month } = at;
  const { ledgerEpoch: epoch, cacheEpoch } = organization;
  const cache = known.get(ports.warehouse) ?? new LRUCache<string, readonly BilledSku[]>({ max: 300 });
  known.set(ports.warehouse, cache);
  const idOf = (version: number): string => [org.key, org.orgId, month, epoch, version, cacheEpoch].join(" ");
  const cached = cache.get(idOf(at.version));
  if (cached !== undefined) return cached;
  const { days, version } = await publishedMonth(org, month, epoch, ports.documents);
  const source = { datasetId: organization.dataset.id, table: (await platformFacts()).costTable };
  const skus = await billedSkus(source, batchDaysOf(days, source.table.name), ports.warehouse);
  cache.set(idOf(version), skus);
  return skus;
}
