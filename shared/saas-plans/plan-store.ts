import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Filter } from "#shared/platform/documents/documents.ts";
import { allDocuments, type WholeQuery } from "#shared/platform/documents/pages.ts";
import type { ChargedVersion, PlanVersion } from "./plan.ts";
import { type PlanProvider, registeredProvider, type SaasProviderDocument, saasProvider } from "./plan-providers.ts";
import type { ProviderSubscriptionDocument } from "./provider-subscription.ts";

/** Document `orgs/{key}/saasPlanLines/{lineId}`: one contract; read and written by every transaction on it. */
export interface PlanLineDocument {
  lineId: string;
  provider: string;
  planName: string;
  contractId: string | null;
  /** Ids of all its versions, in the order they were written. */
  versions: string[];
}

/** What an id from outside must be before it becomes part of a path. */
export function isPlanId(text: string): boolean {
  return /^(?!__)[A-Za-z0-9_-]{1,128}$/.test(text);
}

export function planPath(org: OrgIdentity, subscriptionId: string): string {
  return `orgs/${org.key}/saasPlans/${subscriptionId}`;
}

export function planLinePath(org: OrgIdentity, lineId: string): string {
  return `orgs/${org.key}/saasPlanLines/${lineId}`;
}

/** What an organization agreed with its providers, with all or one of them. */
export function agreementsOf(org: OrgIdentity, provider?: string): WholeQuery {
  const filters: Filter[] = provider === undefined ? [] : [{ field: "provider", is: "==", value: provider }];
  return { collection: `orgs/${org.key}/providerSubscriptions`, filters };
}

/** Versions of SaaS plans, of all providers or one; withdrawn ones too. */
export async function planVersions(
  org: OrgIdentity,
  provider: string | undefined,
  by: Pick<Documents, "list">,
): Promise<PlanVersion[]> {
  const filters: Filter[] = provider === undefined ? [] : [{ field: "provider", is: "==", value: provider }];
  const query: WholeQuery = { collection: `orgs/${org.key}/saasPlans`, filters };
  return (await allDocuments<PlanVersion>(query, by)).map(({ body }) => body);
}

export async function saasProviders(
  org: OrgIdentity,
  by: Pick<Documents, "list">,
): Promise<Map<string, SaasProviderDocument>> {
  const found = await allDocuments<SaasProviderDocument>({ collection: `orgs/${org.key}/saasProviders` }, by);
  return new Map(found.map(({ body }) => [body.provider, body]));
}

/** Whether the organization has anything that the pipeline of plans could charge. */
export async function hasPlans(org: OrgIdentity, by: Pick<Documents, "list">): Promise<boolean> {
  for (const collection of ["saasPlans", "providerSubscriptions"]) {
    const page = await by.list({ collection: `orgs/${org.key}/${collection}`, limit: 1 });
    if (page.documents.length > 0) return true;
  }
  return false;
}

/** The versions of one line and how their provider appears in rows. */
export interface ChargedLine {
  versions: readonly ChargedVersion[];
  provider: PlanProvider;
}

/** Everything that charges an organization: its SaaS plans and its own subscriptions with connected providers. */
export async function chargedLines(org: OrgIdentity, by: Pick<Documents, "list">): Promise<ChargedLine[]> {
  const [versions, stored, subscriptions] = await Promise.all([
    planVersions(org, undefined, by),
    saasProviders(org, by),
    allDocuments<ProviderSubscriptionDocument>(agreementsOf(org), by),
  ]);
  const byLine = new Map<string, PlanVersion[]>();
  for (const version of versions) byLine.set(version.lineId, [...(byLine.get(version.lineId) ?? []), version]);
  const plans = [...byLine.values()].map(async (line) => {
    const [first] = line;
    const provider = first?.provider ?? "";
    return { versions: line, provider: await saasProvider(provider, stored.get(provider), first?.category ?? null) };
  });
  const own = subscriptions.map(async ({ body }) => ({
    versions: body.versions,
    provider: await registeredProvider(body.provider),
  }));
  return Promise.all([...plans, ...own]);
}
