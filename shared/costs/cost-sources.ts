import type { PublishedDay } from "#shared/ledger/current-batches.ts";
import type { CostSource } from "./completeness.ts";
import type { CostFilters } from "./filters.ts";
import type { Group } from "./frame-groups.ts";

/** What the registry says about a pipeline. */
export interface PipelineFacts {
  /** Null: it charges in the name of many. */
  provider: string | null;
  expectedLagDays: number;
  settlingDays: number;
}

export type SourceKey = "pipeline" | "source" | "provider" | "category";

/** A pipeline that no registry names any more: what `pipelines.md` 1 takes where nothing is said. */
const unknownPipeline = { provider: null, expectedLagDays: 1, settlingDays: 7 };

/**
 * The sources behind an answer: those of the published days that the provider and category filters choose. `groups` are
 * the unfiltered rows of the range; a source without rows there is chosen by its pipeline's provider alone, because what
 * it owes is not known. Source: costs.md 4.
 */
export function sourcesOf(
  days: readonly PublishedDay[],
  pipelines: ReadonlyMap<string, PipelineFacts>,
  filters: CostFilters,
  groups: readonly Group<SourceKey>[],
): CostSource[] {
  const sources = new Map<string, CostSource>();
  for (const { pipelineId, source } of days) {
    const id = JSON.stringify([pipelineId, source]);
    if (!sources.has(id)) sources.set(id, { pipelineId, source, ...(pipelines.get(pipelineId) ?? unknownPipeline) });
  }
  return [...sources.values()].filter((source) => {
    const rows = groups.filter(({ key }) => key.pipeline === source.pipelineId && key.source === source.source);
    return isOfProviders(source, rows, filters.providers) && isOfCategories(rows, filters.categories);
  });
}

function isOfProviders(
  source: CostSource,
  rows: readonly Group<SourceKey>[],
  providers: readonly string[] | undefined,
): boolean {
  if (providers === undefined || rows.some(({ key }) => providers.includes(key.provider))) return true;
  return source.provider === null ? rows.length === 0 : providers.includes(source.provider);
}

function isOfCategories(rows: readonly Group<SourceKey>[], wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || rows.length === 0 || rows.some(({ key }) => wanted.includes(key.category));
}
