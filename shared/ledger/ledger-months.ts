import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import { emptyHead, emptyPipelineMonth, type MonthHead, type PipelineMonth } from "./ledger.ts";

/** One month of one pipeline as it is stored; of another epoch it counts as empty. */
export interface StoredMonth {
  month: string;
  head: MonthHead;
  pipeline: PipelineMonth;
  /** Version of the pipeline's document: whether it is still what was read. */
  version: number;
}

/** Whose months, of which epoch of the ledger. */
export interface LedgerPlace {
  org: OrgIdentity;
  epoch: number;
  pipelineId: string;
}

/** What reads months: the store, or a transaction on it. */
export type LedgerMonthReader = Pick<Documents | Transaction, "getAll">;

/** Head and pipeline document of some months in one round trip. */
export async function storedMonths(
  { org, epoch, pipelineId }: LedgerPlace,
  months: readonly string[],
  documents: LedgerMonthReader,
): Promise<Map<string, StoredMonth>> {
  const paths = months.flatMap((month) => [headPath(org, month), pipelineMonthPath(org, month, pipelineId)]);
  const stored = await documents.getAll<object>(paths);
  return new Map(
    months.map((month, at) => {
      const head = stored[2 * at]?.body as MonthHead | undefined;
      const pipeline = stored[2 * at + 1]?.body as PipelineMonth | undefined;
      const found: StoredMonth = {
        month,
        head: head?.epoch === epoch ? head : emptyHead(epoch),
        pipeline: pipeline?.epoch === epoch ? pipeline : emptyPipelineMonth(epoch),
        version: stored[2 * at + 1]?.version ?? 0,
      };
      return [month, found];
    }),
  );
}

/** Whether both say the same of what a plan was made from; publications of other pipelines do not count. */
export function isSameMonth(one: StoredMonth | undefined, other: StoredMonth): boolean {
  return (
    one?.version === other.version &&
    one.head.state === other.head.state &&
    one.head.closing?.at === other.head.closing?.at &&
    one.head.epoch === other.head.epoch
  );
}
