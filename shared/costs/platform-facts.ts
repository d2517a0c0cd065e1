import type { MinorDigits } from "#shared/money/currencies.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Registry } from "#shared/providers/registry.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { PipelineFacts } from "./cost-sources.ts";
import type { UsageTables } from "./usage-lines.ts";

/** What reads of costs take from `configs/`. */
export interface PlatformFacts {
  /** `cost_data_standard`. */
  costTable: TableDefinition;
  usageTables: UsageTables;
  minorDigits: MinorDigits;
  /** By pipeline id. */
  pipelines: ReadonlyMap<string, PipelineFacts>;
  /** Registry id of an id, alias or display name in any case; the lower-case name itself when the registry lacks it. */
  providerId: (name: string) => string;
  /** Display name of a registry id; the id itself when the registry lacks it. */
  providerName: (id: string) => string;
}

let loaded: Promise<PlatformFacts> | undefined;

/** Read once per process; a failed read is forgotten. Throws as the rooms that own the files. */
export function platformFacts(): Promise<PlatformFacts> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

/** The readers bring schema compilers along: a request that is refused must not wait for them. */
async function load(): Promise<PlatformFacts> {
  const [{ loadTableConfig }, { loadMinorDigits }, { providerRegistry }, { configFile }] = await Promise.all([
    import("#shared/bootstrap/load-table-config.ts"),
    import("#shared/money/currencies.ts"),
    import("#shared/providers/registry.ts"),
    import("#shared/platform/config-files.ts"),
  ]);
  const [config, minorDigits, providers, own] = await Promise.all([
    loadTableConfig("organizations"),
    loadMinorDigits(),
    configFile("system/providers.yml"),
    configFile("pipelines/own.yml"),
  ]);
  const tableNamed = (name: string): TableDefinition => {
    const table = config.tables.find((each) => each.name === name);
    if (table === undefined) throw new AppError("TABLE_CONFIG_INVALID", `There is no table ${name}.`);
    return table;
  };
  const costTable = tableNamed("cost_data_standard");
  const usageTables = { usage: tableNamed("genai_usage_daily_raw"), computed: tableNamed("genai_computed_daily") };
  const facts = providerFacts(providerRegistry(providers));
  return {
    costTable,
    usageTables,
    minorDigits,
    ...facts,
    pipelines: new Map([...facts.pipelines, ...ownPipelineFacts(own)]),
  };
}

/** The part of the facts that the provider registry states. */
export function providerFacts(registry: Registry): Pick<PlatformFacts, "pipelines" | "providerId" | "providerName"> {
  const entries = registry.entries();
  const byDisplayName = new Map(entries.map((entry) => [entry.display_name.toLowerCase(), entry.slug]));
  const displayNames = new Map(entries.map((entry) => [entry.slug, entry.display_name]));
  return {
    pipelines: new Map(
      entries.flatMap((entry) =>
        entry.pipelines.map((address) => [
          pipelineIdOf(address),
          {
            provider: entry.slug,
            expectedLagDays: entry.expected_lag_days,
            settlingDays: entry.settling_days,
          },
        ]),
      ),
    ),
    providerId: (name) => registeredSlug(registry, name) ?? byDisplayName.get(name.toLowerCase()) ?? name.toLowerCase(),
    providerName: (id) => displayNames.get(id) ?? id,
  };
}

/** The platform's own pipelines charge in the name of many providers, so they have none. */
function ownPipelineFacts(file: unknown): [string, PipelineFacts][] {
  const { pipelines } = file as { pipelines: Record<string, { expected_lag_days: number; settling_days: number }> };
  return Object.entries(pipelines).map(([address, own]) => [
    pipelineIdOf(address),
    { provider: null, expectedLagDays: own.expected_lag_days, settlingDays: own.settling_days },
  ]);
}

/** The words of the address joined by `-`, `_` written `-`. Source: pipelines.md 1. */
function pipelineIdOf(address: string): string {
  return address.replaceAll("/", "-").replaceAll("_", "-");
}

function registeredSlug(registry: Registry, name: string): string | undefined {
  try {
    return registry.provider(name).slug;
  } catch (error) {
    if (isAppError(error, "UNKNOWN_PROVIDER")) return undefined;
    throw error;
  }
}
