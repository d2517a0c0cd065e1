import { pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { type BatchRef, entryKey, monthOf, type PipelineMonth } from "#shared/ledger/ledger.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Claim } from "./claim.ts";
import type { DayFacts } from "./run.ts";

/** What is published of the run's pipeline, as it stood when the run first asked for the month. */
export interface PublishedContent {
  /**
   * The batches that hold a part's rows, by day, when every day of it is published with the same content; else undefined.
   * Batches never change, so the answer stays true whatever is published meanwhile.
   */
  batchesOf(part: PartContent): Promise<Record<string, readonly BatchRef[]> | undefined>;
}

interface PartContent {
  source: string;
  table: TableDefinition;
  days: Record<string, DayFacts>;
}

/** Reads each month once per claim. */
export function publishedContent({ run, org }: Claim, documents: Documents): PublishedContent {
  const months = new Map<string, Promise<PipelineMonth | undefined>>();
  const monthDocument = (month: string): Promise<PipelineMonth | undefined> => {
    const path = pipelineMonthPath(run.org, month, run.pipelineId);
    const known =
      months.get(month) ??
      documents.get<PipelineMonth>(path).then(({ body }) => (body?.epoch === org.ledgerEpoch ? body : undefined));
    months.set(month, known);
    return known;
  };
  return {
    async batchesOf({ source, table, days }) {
      const kept: Record<string, readonly BatchRef[]> = {};
      for (const [day, { hash }] of Object.entries(days)) {
        const month = await monthDocument(monthOf(day));
        const key = entryKey(source, day);
        const entry = month?.held?.[key] ?? month?.entries[key];
        if (month === undefined || entry?.h[table.name] !== hash) return undefined;
        kept[day] = entry.b
          .flatMap((number) => month.batches[number] ?? [])
          .filter((batch) => batch.table === table.name);
      }
      return kept;
    },
  };
}
