import { dayBatches, decided, dropUnreferenced, stateOf } from "./decide-month.ts";
import { type DayDecision, type DayPublication, entryKey, type PipelineMonth } from "./ledger.ts";

/**
 * Decides days that were pulled for a closed month. Its entries stay; beside them stands what they would say were it
 * open, under the same rules of fences and contents as an open month. A day whose held content is the published one stays
 * noted too: its fence refuses rows that were pulled earlier. Source: `pipelines.md` 8.
 */
export function holdDays(
  stored: PipelineMonth,
  publications: readonly DayPublication[],
  now: string,
): { pipeline: PipelineMonth; days: DayDecision[] } {
  const pipeline = structuredClone(stored);
  const held = { ...pipeline.held };
  const days = publications.map((publication): DayDecision => {
    const key = entryKey(publication.source, publication.day);
    const standing = held[key] ?? pipeline.entries[key];
    const { outcome, next } = decided(pipeline, standing, publication, now);
    if (outcome !== "superseded") held[key] = next;
    return {
      publication,
      outcome: outcome === "superseded" || outcome === "unchanged" ? outcome : "held",
      before: stateOf(pipeline, standing),
      batches: dayBatches(pipeline, next),
    };
  });
  const next = { ...pipeline, held };
  dropUnreferenced(next);
  return { pipeline: next, days };
}
