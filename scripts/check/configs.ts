import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemRules } from "#shared/alerts/system-rules.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { mailTexts } from "#shared/mail/mail-texts.ts";
import { loadMinorDigits } from "#shared/money/currencies.ts";
import { shippedRates } from "#shared/money/fx-shipped.ts";
import { checkedPipelines } from "#shared/pipelines/checked-pipelines.ts";
import { plans } from "#shared/plans/plans.ts";
import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { shippedPrices } from "#shared/prices/shipped-prices.ts";
import { providerAdapter } from "#shared/providers/adapters.ts";
import { providers } from "#shared/providers/load-registry.ts";
import { publicSources } from "#shared/providers/public-sources.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { seedPlans } from "#shared/saas-plans/seed-plans.ts";
import type { Fault } from "./sources.ts";

type Load = () => Promise<unknown>;

/** The loaders of the rooms that own the files: what they accept is what the platform can start with. */
const loaders: Readonly<Record<string, Load>> = {
  "configs/bootstrap": () => loadTableConfig("bootstrap"),
  "configs/organizations": () => loadTableConfig("organizations"),
  "configs/documents/indexes.yml": async () => declareQueries(await configFile("documents/indexes.yml")),
  "configs/system/providers.yml": () => providers(),
  "configs/system/sources.yml": () => publicSources(),
  "configs/alerts/system-rules.yml": () => systemRules(),
  "configs/currencies.yml": loadMinorDigits,
  "configs/plans.yml": () => plans(),
  "configs/prices": () => shippedPrices(),
  "configs/fx": () => shippedRates(),
  "configs/mail": () => mailTexts(),
  "configs/saas/seed": () => seedPlans(),
  "configs of pipelines": () => checkedPipelines(),
};

/** Everything wrong with the files below `configs/`: each is read strictly, then by the room that owns it. */
export async function configFaults(root: string): Promise<Fault[]> {
  const read = await readingFaults("");
  if (read.length > 0) return read;
  const owned = await Promise.all(Object.entries(loaders).map(([path, load]) => loadingFaults(path, load)));
  const faults = owned.flat();
  if (faults.length > 0) return faults;
  return (await providers()).entries().flatMap((entry) => providerFaults(entry, root));
}

/** What the loader refuses; a field's path is a pointer into the file. Anything but an `AppError` is a bug and thrown on. */
export async function loadingFaults(path: string, load: Load): Promise<Fault[]> {
  try {
    await load();
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.fields.length === 0) return [{ path, problem: error.message }];
    return error.fields.map((field) => ({ path, problem: `${field.path} ${field.problem}` }));
  }
}

/** `providers.md` 1.9: a provider in use has an adapter, a room, and fixtures. Its pipelines are the registry's concern. */
export function providerFaults(entry: Pick<ProviderEntry, "slug" | "phase">, root: string): Fault[] {
  if (entry.phase === "later") return [];
  const path = "configs/system/providers.yml";
  const faults: Fault[] = [];
  for (const folder of [`shared/providers/${entry.slug}`, `shared/providers/${entry.slug}/fixtures`]) {
    if (!existsSync(join(root, folder))) faults.push({ path, problem: `${entry.slug} has no folder ${folder}` });
  }
  try {
    providerAdapter(entry.slug);
  } catch {
    faults.push({ path, problem: `${entry.slug} has no adapter in shared/providers/adapters.ts` });
  }
  return faults;
}

async function readingFaults(folder: string): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const name of await configFolder(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (/\.(yml|json|csv|txt)$/.test(name))
      faults.push(...(await loadingFaults(`configs/${path}`, () => configFile(path))));
    else if (!name.includes(".")) faults.push(...(await readingFaults(path)));
  }
  return faults;
}
