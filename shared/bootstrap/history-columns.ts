import type { Column } from "#shared/platform/warehouse/table.ts";

/** What the loader appends to state and event tables, and history-flush fills. Source: tables.md 1. */
export const historyColumns: readonly Column[] = [
  { name: "event_id", type: "STRING", mode: "REQUIRED", description: "Id of the outbox message that brought the row" },
  { name: "version", type: "INT64", mode: "REQUIRED", description: "Version of the document; 1 for events" },
  { name: "operation", type: "STRING", mode: "REQUIRED", description: "CREATE, UPDATE, DELETE or SNAPSHOT" },
  { name: "recorded_at", type: "TIMESTAMP", mode: "REQUIRED", description: "When the change was committed" },
];

/** Events are never changed: one row per outbox message. */
export const eventKey: readonly string[] = ["event_id"];
