import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import { messageText } from "#shared/platform/topics/message-text.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { auditRow } from "./audit-row.ts";
import { historyTopic, outboxDocument, outboxPath, publishCommitted } from "./outbox.ts";
import { packed } from "./packed.ts";
import type { Surroundings } from "./ports.ts";

/** Rows of one table in one document of the outbox: below what a document may hold. */
const historyBytes = 500_000;

/** A transaction together with all that must be true at the same instant: messages, history rows, audit rows. */
export interface Change extends Transaction {
  /** The instant this change is recorded under (UTC). */
  readonly now: Date;
  /** A message that is published if and only if this transaction commits. Throws as `messageText`. */
  publish(message: Message, org?: OrgIdentity): void;
  /** A row of the append-only history of a table; `version` is the document's version after this change. */
  history(entry: HistoryEntry): void;
  /** Rows of `published_batches`, the processors' own journal, in one message so that no view shows half of them. */
  journal(datasetId: string, table: string, rows: Record<string, unknown>[]): void;
  audit(entry: AuditEntry): void;
}

export interface HistoryEntry {
  table: string;
  operation: "CREATE" | "UPDATE" | "DELETE" | "SNAPSHOT";
  version: number;
  row: Record<string, unknown>;
  /** A row of the organization's dataset that tells the same; it travels in the same message. */
  mirror?: { datasetId: string; table: string; row: Record<string, unknown> };
}

/** Rows of one table. */
export interface HistoryRows {
  /** Null for the central history dataset. */
  datasetId: string | null;
  table: string;
  rows: Record<string, unknown>[];
}

/** Payload of a history message, brought to the warehouse by `history-flush`. */
export interface HistoryMessage extends HistoryRows {
  /** What mirrors these rows in other tables; absent: nothing. */
  mirrors?: HistoryRows[];
}

/** One audit row (`organizations.md` 9). Without an organization it is the platform's own. */
export interface AuditEntry {
  org: OrgIdentity | undefined;
  actorKind: "root" | "key" | "member" | "agent" | "stripe" | "system";
  apiKeyId: string | null;
  userId: string | null;
  action: string;
  operation: string;
  resourceType: string;
  resourceId: string | null;
  details: Record<string, unknown> | null;
  ipAddress: string | null;
  userAgent: string | null;
  requestId: string | null;
  status: "SUCCESS" | "FAILURE" | "DENIED";
  errorMessage: string | null;
}

type ChangePorts = { documents: Documents; topics: Topics } & Pick<Surroundings, "clock" | "ids">;

/**
 * Runs one transaction and, once it has committed, publishes its messages. A crash or a failing broker in between loses
 * nothing: the messages lie in the outbox and the sweeper publishes them.
 */
export async function commitChange<R>(body: (change: Change) => Promise<R>, ports: ChangePorts): Promise<R> {
  let messageIds: string[] = [];
  const result = await ports.documents.transaction(async (tx) => {
    const writer = changeOf(tx, ports);
    const answer = await body(writer.change);
    messageIds = writer.flush();
    return answer;
  });
  await publishCommitted(messageIds, ports);
  return result;
}

/** As `commitChange` for a change without messages to other functions: only documents, audit and history rows. */
export function commitRecord<R>(
  body: (change: Omit<Change, "publish">) => Promise<R>,
  ports: Omit<ChangePorts, "topics">,
): Promise<R> {
  return ports.documents.transaction(async (tx) => {
    const writer = changeOf(tx, ports);
    const answer = await body(writer.change);
    writer.flush();
    return answer;
  });
}

function changeOf(tx: Transaction, ports: Pick<ChangePorts, "clock" | "ids">): { change: Change; flush(): string[] } {
  const now = ports.clock.now();
  const outbox: { message: Message; org: OrgIdentity | undefined }[] = [];
  const history = new Map<string, RecordedRow[]>();
  const record = ({ table, version, operation, row, mirror }: HistoryEntry): void => {
    const rows = history.get(table) ?? [];
    rows.push({ row: { ...row, version, operation, recorded_at: now.toISOString() }, mirror });
    history.set(table, rows);
  };
  const change: Change = {
    now,
    get: (path) => tx.get(path),
    getAll: (paths) => tx.getAll(paths),
    list: (query) => tx.list(query),
    create: (path, body) => tx.create(path, body),
    set: (path, body) => tx.set(path, body),
    delete: (path) => tx.delete(path),
    publish: (message, org) => {
      // What no broker takes would lie in the outbox for ever: it fails the change instead.
      messageText(message);
      outbox.push({ message, org });
    },
    history: record,
    journal: (datasetId, table, rows) => {
      const payload: HistoryMessage = { datasetId, table, rows };
      outbox.push({ message: { topic: historyTopic, payload, attributes: {} }, org: undefined });
    },
    audit: (entry) => writeAudit(entry, ports.ids.newId("aud"), change),
  };
  const flush = (): string[] => {
    for (const [table, rows] of history)
      for (const some of packed(rows, historyBytes))
        outbox.push({ message: historyMessage(table, some, ports), org: undefined });
    return outbox.flatMap(({ message, org }) => {
      const id = ports.ids.newId("msg");
      tx.create(outboxPath(id), outboxDocument(id, message, org?.key ?? null, now));
      return message.topic === historyTopic ? [] : [id];
    });
  };
  return { change, flush };
}

interface RecordedRow {
  row: Record<string, unknown>;
  mirror: HistoryEntry["mirror"];
}

function historyMessage(table: string, rows: readonly RecordedRow[], ports: Pick<ChangePorts, "ids">): Message {
  const mirrors = mirrorsOf(rows);
  const payload: HistoryMessage = {
    datasetId: null,
    table,
    rows: rows.map(({ row }) => ({ ...row, event_id: ports.ids.newId("evt") })),
    ...(mirrors.length > 0 ? { mirrors } : {}),
  };
  return { topic: historyTopic, payload, attributes: {} };
}

function mirrorsOf(rows: readonly RecordedRow[]): HistoryRows[] {
  const byPlace = new Map<string, HistoryRows>();
  for (const { mirror } of rows) {
    if (mirror === undefined) continue;
    const place = `${mirror.datasetId}/${mirror.table}`;
    const known = byPlace.get(place);
    if (known !== undefined) known.rows.push(mirror.row);
    else byPlace.set(place, { datasetId: mirror.datasetId, table: mirror.table, rows: [mirror.row] });
  }
  return [...byPlace.values()];
}

function writeAudit(entry: AuditEntry, auditId: string, change: Change): void {
  const row = auditRow(entry, auditId, change.now);
  change.create(row.path, row.document);
  change.history(row.history);
}
