import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";

/** Document `orgs/{key}/saasProviders/{provider}`: whether the organization uses the provider's plans. */
export interface SaasProviderDocument {
  provider: string;
  displayName: string;
  category: string;
  isEnabled: boolean;
  /** When the plans of the seed file were first put in. */
  seededAt: string | null;
}

/** A provider as rows name it. */
export interface PlanProvider {
  name: string;
  serviceCategory: string;
  serviceSubcategory: string;
}

const Service = strictObject({ category: Type.String(), subcategory: Type.String() });
const ProvidersFile = strictObject({
  categories: Type.Record(Type.String(), Service),
  use_integration: Type.Array(Type.String({ pattern: "^[a-z0-9_]{2,50}$" })),
});
type ProvidersFile = Static<typeof ProvidersFile>;

let loaded: Promise<ProvidersFile> | undefined;

function providersFile(): Promise<ProvidersFile> {
  loaded ??= configFile("saas/providers.yml").then((content) => validBody(ProvidersFile, structuredClone(content)));
  return loaded;
}

export function saasProviderPath(org: OrgIdentity, provider: string): string {
  return `orgs/${org.key}/saasProviders/${provider}`;
}

/** The provider of a path. Throws `SAAS_PROVIDER_NOT_FOUND` for what cannot be one, `USE_INTEGRATION` where its bill comes otherwise. */
export async function newSaasProvider(asked: string): Promise<string> {
  const provider = saasProviderOf(asked);
  const { use_integration: integrated } = await providersFile();
  if (!integrated.includes(provider) && !(await isBilled(provider))) return provider;
  throw new AppError("USE_INTEGRATION", `The costs of ${provider} come by integration: connect it instead.`, {
    fields: [{ path: "/provider", problem: "is billed by integration" }],
  });
}

export function saasProviderOf(asked: string): string {
  // Names of the store's own form, and those that every object has, belong to nobody.
  const isReserved = asked.startsWith("__") || asked in Object.prototype;
  if (/^[a-z0-9_]{2,50}$/.test(asked) && !isReserved) return asked;
  throw new AppError("SAAS_PROVIDER_NOT_FOUND", "There is no such provider.");
}

/** Whether an adapter of the platform reads the provider's bill itself. */
async function isBilled(provider: string): Promise<boolean> {
  try {
    return ["genai", "cloud"].includes((await providers()).provider(provider).type);
  } catch (error) {
    if (isAppError(error, "UNKNOWN_PROVIDER")) return false;
    throw error;
  }
}

/** How the provider of a SaaS plan appears in rows. Source: `prices-and-plans.md` C6. */
export async function saasProvider(
  provider: string,
  stored: SaasProviderDocument | undefined,
  category: string | null,
): Promise<PlanProvider> {
  const { categories } = await providersFile();
  const service = categories[stored?.category ?? category ?? "other"] ?? categories["other"];
  if (service === undefined) throw new Error("configs/saas/providers.yml has no category other");
  return {
    name: stored?.displayName ?? provider,
    serviceCategory: service.category,
    serviceSubcategory: service.subcategory,
  };
}

/** How a provider of the registry appears in rows of the organization's own subscriptions with it. */
export async function registeredProvider(slug: string): Promise<PlanProvider> {
  const { display_name: name, service } = (await providers()).provider(slug);
  return { name, serviceCategory: service.category, serviceSubcategory: service.subcategory };
}
