import type { CurrentView, SelectionView } from "../view.ts";
import { column, STANDARD, table } from "./contract-tables.ts";
import type { Row } from "./warehouse-bench.ts";

/** Tables and views for the contract suite, of every kind that `configs/` has. */

const history = [
  column("event_id", "STRING", "REQUIRED"),
  column("version", "INT64", "REQUIRED"),
  column("operation", "STRING", "REQUIRED"),
  column("recorded_at", "TIMESTAMP", "REQUIRED"),
];

export const STATE = {
  ...table("org_things", {
    partition: "created_at",
    clustering: ["org_slug"],
    columns: [
      column("thing_id", "STRING", "REQUIRED"),
      column("org_slug", "STRING", "REQUIRED"),
      column("note", "STRING"),
      column("is_active", "BOOL", "REQUIRED"),
      column("price", "BIGNUMERIC"),
      column("labels", "STRING", "REPEATED"),
      column("details", "JSON"),
      column("created_at", "TIMESTAMP", "REQUIRED"),
      column("updated_at", "TIMESTAMP"),
      ...history,
    ],
  }),
  kind: "state" as const,
  key: ["org_slug", "thing_id"],
};

export const EVENT = {
  ...table("org_happenings", {
    partition: undefined,
    clustering: ["org_slug"],
    columns: [column("org_slug", "STRING", "REQUIRED"), column("what", "STRING", "REQUIRED"), ...history],
  }),
  kind: "event" as const,
  key: ["event_id"],
};

/** With the columns of `published_batches` that its view reads. */
export const JOURNAL = {
  ...table("published_batches", {
    partition: "charge_date",
    clustering: ["x_pipeline_id"],
    columns: [
      column("publication_id", "STRING", "REQUIRED"),
      column("kind", "STRING", "REQUIRED"),
      column("charge_date", "DATE", "REQUIRED"),
      column("month", "STRING", "REQUIRED"),
      column("table_name", "STRING"),
      column("x_pipeline_id", "STRING", "REQUIRED"),
      column("x_source", "STRING", "REQUIRED"),
      column("x_batch_id", "STRING"),
      column("ledger_epoch", "INT64", "REQUIRED"),
      column("ledger_version", "INT64", "REQUIRED"),
      column("superseded_batch_ids", "STRING", "REPEATED"),
    ],
  }),
  kind: "journal" as const,
};

export const STATE_CURRENT = currentOf(STATE);
export const EVENT_CURRENT = currentOf(EVENT);
export const PUBLISHED = currentOf(JOURNAL);
export const STANDARD_CURRENT = currentOf(STANDARD, PUBLISHED);

export const ACTIVE_THINGS: SelectionView = {
  kind: "selection",
  name: "active_things",
  description: "things in use",
  source: STATE_CURRENT,
  where: [
    { column: "is_active", equals: true },
    { column: "org_slug", equals: "acme" },
  ],
  columns: [
    { name: "thing_id", from: ["thing_id"], aggregate: undefined },
    { name: "price", from: ["price"], aggregate: undefined },
    { name: "labels", from: ["labels"], aggregate: undefined },
    { name: "changed_at", from: ["updated_at", "created_at"], aggregate: undefined },
  ],
};

export const THINGS_PER_NOTE: SelectionView = {
  kind: "selection",
  name: "things_per_note",
  description: "how many things carry a note, since when",
  source: STATE_CURRENT,
  where: [],
  columns: [
    { name: "note", from: ["note"], aggregate: undefined },
    { name: "things", from: ["thing_id"], aggregate: "count" },
    { name: "oldest_at", from: ["updated_at", "created_at"], aggregate: "min" },
  ],
};

export function currentOf(source: CurrentView["table"], published?: CurrentView): CurrentView {
  return {
    kind: "current",
    name: `${source.name}_current`,
    description: `${source.name} as it is now`,
    table: source,
    published,
  };
}

/** A version of a thing. */
export function thingRow(thing: string, version: number, operation: string, more: Row = {}): Row {
  return {
    thing_id: thing,
    org_slug: "acme",
    note: `v${version}`,
    is_active: true,
    created_at: "2026-03-01T00:00:00Z",
    event_id: `evt_${thing}_${version}_${operation}`,
    version,
    operation,
    recorded_at: `2026-03-01T00:00:${String(version).padStart(2, "0")}Z`,
    ...more,
  };
}

/** A journal row of one day of one source. */
export function journalRow(version: number, batchId: string | null, more: Row = {}): Row {
  return {
    publication_id: `pub_${version}`,
    kind: version === 1 ? "first_publish" : "restatement",
    charge_date: "2026-03-01",
    month: "2026-03",
    table_name: batchId === null ? null : STANDARD.name,
    x_pipeline_id: "p",
    x_source: "cred_1",
    x_batch_id: batchId,
    ledger_epoch: 1,
    ledger_version: version,
    superseded_batch_ids: [],
    ...more,
  };
}
