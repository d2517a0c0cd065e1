import { dayKinds } from "./view.ts";

/** The columns of a journal row that say whether it is current. */
export interface JournalRow {
  kind: string;
  charge_date: string;
  month: string;
  table_name: string | null;
  x_pipeline_id: string;
  x_source: string;
  x_batch_id: string | null;
  ledger_epoch: number;
  ledger_version: number;
  superseded_batch_ids: readonly string[];
}

export const journalColumns: readonly (keyof JournalRow)[] = [
  "kind",
  "charge_date",
  "month",
  "table_name",
  "x_pipeline_id",
  "x_source",
  "x_batch_id",
  "ledger_epoch",
  "ledger_version",
  "superseded_batch_ids",
];

/**
 * The rows that are current: of the newest epoch, per (pipeline, source, day) those of the highest version, and
 * adjustments until a later publication of their month replaces their batch. A day without rows leaves none. Source:
 * tables.md section 3, published_batches.
 */
export function publishedRows<Row extends JournalRow>(rows: readonly Row[]): Row[] {
  const epoch = rows.reduce((newest, row) => Math.max(newest, row.ledger_epoch), 0);
  const ofEpoch = rows.filter((row) => row.ledger_epoch === epoch);
  const versions = highest(ofEpoch.filter(({ kind }) => dayKinds.includes(kind)).map((row) => [dayKey(row), row]));
  const replaced = highest(
    ofEpoch.flatMap((row) => row.superseded_batch_ids.map((id): [string, JournalRow] => [`${row.month}|${id}`, row])),
  );
  return ofEpoch.filter((row) => {
    if (row.x_batch_id === null) return false;
    if (dayKinds.includes(row.kind)) return versions.get(dayKey(row)) === row.ledger_version;
    return row.kind === "adjustment" && (replaced.get(`${row.month}|${row.x_batch_id}`) ?? 0) <= row.ledger_version;
  });
}

function highest(entries: readonly [string, JournalRow][]): Map<string, number> {
  const versions = new Map<string, number>();
  for (const [key, { ledger_version }] of entries) {
    versions.set(key, Math.max(versions.get(key) ?? 0, ledger_version));
  }
  return versions;
}

function dayKey(row: JournalRow): string {
  return JSON.stringify([row.x_pipeline_id, row.x_source, row.charge_date]);
}
