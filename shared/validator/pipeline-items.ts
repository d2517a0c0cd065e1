import { type Static, Type } from "@sinclair/typebox";
import { ParameterDefinition } from "#shared/pipelines/parameter-definition.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });

/** What anybody may know of a pipeline; never what its steps are configured with. */
export const PipelineItem = strictObject({
  id: text,
  name: text,
  description: text,
  category: text,
  provider: text,
  domain: text,
  pipeline: text,
  path: text,
  aliases: Type.Array(text),
  required_integration: nullable(text),
  schedule: nullable(strictObject({ cron: text, timezone: text })),
  enabled: Type.Boolean(),
  version: text,
  window: strictObject({ lag_days: count, catch_up_days: count, settle_through_day: count, history_days: count }),
  parameters: Type.Record(text, ParameterDefinition),
});
export type PipelineItem = Static<typeof PipelineItem>;

export const PipelineItemsQuery = strictObject({
  provider: Type.Optional(Type.String({ maxLength: 50 })),
  category: Type.Optional(choice(["cloud", "genai", "saas", "platform"])),
  enabled_only: Type.Boolean({ default: true }),
});
type PipelineItemsQuery = Static<typeof PipelineItemsQuery>;

export const PipelineItems = strictObject({
  success: Type.Boolean(),
  pipelines: Type.Array(PipelineItem),
  total: count,
});
type PipelineItems = Static<typeof PipelineItems>;

/** The pipelines of this installation. */
export async function pipelineItems(query: PipelineItemsQuery): Promise<PipelineItems> {
  const found = (await pipelines()).pipelines
    .filter(({ config }) => config.enabled || !query.enabled_only)
    .filter(({ config }) => query.category === undefined || config.category === query.category)
    .filter(({ config }) => query.provider === undefined || config.provider === query.provider.toLowerCase());
  return { success: true, pipelines: found.map(pipelineItem), total: found.length };
}

/** One pipeline by its id or an older one. Throws `PIPELINE_NOT_FOUND`, `PIPELINE_RETIRED`. */
export async function pipelineItemOf(id: string): Promise<PipelineItem> {
  return pipelineItem((await pipelines()).byAddress(id));
}

export function pipelineItem({ config, address, word, window }: Pipeline): PipelineItem {
  const { id, name, description, category, provider, domain, aliases, schedule, enabled, version, parameters } = config;
  return {
    ...{ id, name, description, category, provider, domain, aliases, enabled, version, parameters },
    pipeline: word,
    path: address,
    required_integration: config.requires.integration ?? null,
    schedule: schedule === null ? null : { cron: schedule.cron, timezone: schedule.timezone ?? "org" },
    window: {
      lag_days: window.lagDays,
      catch_up_days: window.catchUpDays,
      settle_through_day: window.settleThroughDay,
      history_days: window.historyDays,
    },
  };
}
