import type { DataFrame } from "nodejs-polars";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Totals } from "#shared/ledger/ledger.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Objects } from "#shared/platform/objects/objects.ts";
import type { Log } from "#shared/runtime/log.ts";
import type { DayState, Finding } from "./provider.ts";

/** A batch that a streaming step hands over: rows of whole days of one source part and table, or a slice of a day. */
export interface StreamPart {
  /** What the source is called behind the credential, e.g. the billing period `2024-09`. */
  sourcePart: string;
  table: string;
  rows: number;
  /** Hex SHA-256 of the rows' content. */
  contentHash: string;
  /** By UTC day: hash, number and totals of its rows in this part; totals only for `cost_data_standard`. */
  days: Record<string, { hash: string; rows: number; totals: Totals }>;
  /** The rows with these lineage columns (all but `x_source_record_id`), made when the batch has to be written. */
  frame(lineage: Record<string, string | boolean | null>): Promise<DataFrame>;
}

export interface StreamContext {
  org: OrgIdentity;
  credentialId: string;
  metadata: Record<string, unknown>;
  /** What the trigger gave, e.g. `import_id`. */
  parameters: Record<string, string>;
  config: Record<string, unknown>;
  runId: string;
  documents: Documents;
  objects: Objects;
  log: Log;
  now: Date;
  signal: AbortSignal;
  writePart(part: StreamPart): Promise<void>;
  /** UTC days of the source part that are published in these months: those a complete file must empty when it lacks them. */
  publishedDays(sourcePart: string, months: readonly string[]): Promise<string[]>;
}

export interface Streamed {
  /** State of each day by source part; a day not named keeps what is published. */
  sources: Record<string, Record<string, DayState>>;
  rows: number;
  findings: Finding[];
  warnings: string[];
}

/** An extracting step whose input is too large to hold: it writes its batches itself. */
export type StreamProcessor = (context: StreamContext) => Promise<Streamed>;
