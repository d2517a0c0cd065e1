import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import type { DayPublication, MonthDecision, MonthHead, PipelineMonth } from "./ledger.ts";
import { publishMonth } from "./publish.ts";

export const ledgerOrg: OrgIdentity = { slug: "Acme", key: "acme", orgId: "org_01ACME" };
export const month = "2026-03";
export const pipelineId = "openai_cost_usage_cost";

/** What a pull found for one day: the billed USD of each cost batch and how many usage batches lie beside them. */
export interface DayContent {
  costs: readonly string[];
  usage: number;
  /** The usage step failed: what is published of its table stays. */
  lacksUsage?: boolean;
}

/** A day as a run publishes it; batch ids come from the run and the content, hashes from the content alone. */
export function dayOf(
  day: string,
  content: DayContent,
  from: { run: string; fence: number; source?: string; total?: string },
): DayPublication {
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  const isEmpty = content.costs.length === 0;
  const total = from.total ?? content.costs[0] ?? "0";
  const batches = (table: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `${from.run}-${day}-${table}-${at}-${hash.slice(0, 6)}`,
      table,
      rows: 1,
      run: from.run,
      pulledAt: "2026-03-09T00:00:00.000Z",
    }));
  return {
    source: from.source ?? "cred_1",
    day,
    state: isEmpty ? "empty" : "complete",
    pulledFence: from.fence,
    rows: content.costs.length,
    totals: isEmpty ? {} : { USD: [total, total] },
    ...(content.lacksUsage === true ? { carried: ["genai_usage_daily_raw"] } : {}),
    parts: isEmpty
      ? {}
      : {
          cost_data_standard: {
            batches: batches("cost_data_standard", content.costs.length),
            hash,
            rows: content.costs.length,
          },
          ...(content.usage === 0 || content.lacksUsage === true
            ? {}
            : {
                genai_usage_daily_raw: {
                  batches: batches("genai_usage_daily_raw", content.usage),
                  hash,
                  rows: content.usage,
                },
              }),
        },
  };
}

/** One publication of a run in a transaction of its own, as the engine does it. */
export function published(
  publications: readonly DayPublication[],
  from: { run: string; fence: number; epoch?: number },
  ports: { documents: Documents; clock: Clock },
): Promise<MonthDecision> {
  const { epoch = 1 } = from;
  return commitChange(
    async (change) => {
      const paths = [headPath(ledgerOrg, month), pipelineMonthPath(ledgerOrg, month, pipelineId)];
      const [head, pipeline] = await change.getAll<object>(paths);
      const context = {
        org: ledgerOrg,
        datasetId: "Acme_test",
        epoch,
        pipelineId,
        month,
        runId: from.run,
        fence: from.fence,
      };
      const stored = {
        head: head?.body as MonthHead | undefined,
        pipeline: pipeline?.body as PipelineMonth | undefined,
      };
      return publishMonth(context, stored, publications, change);
    },
    { ...ports, topics: inProcessTopics({}), ids: systemIds },
  );
}
