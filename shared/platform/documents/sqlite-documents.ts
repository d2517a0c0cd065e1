import type Libsql from "libsql";
import { AppError } from "#shared/runtime/errors.ts";
import type { Clock } from "../clock.ts";
import { assertNotNested, onlyOne, runBody, type TransactionReads, type Write } from "./buffered-transaction.ts";
import type { DeclaredQueries } from "./declared-queries.ts";
import { assertDocumentPath, collectionOf, type JsonObject } from "./document-rules.ts";
import type { Documents, Page, Query, Snapshot, Transaction } from "./documents.ts";
import { encodeCursor } from "./query-cursor.ts";
import { orderValues, pageStatement } from "./sqlite-query.ts";
import { closeStore, inOneCommit, openStore, sqliteCode } from "./sqlite-store.ts";

export interface SqliteDocumentsOptions {
  /** Path of the database, or `:memory:`. */
  file: string;
  clock: Clock;
  declared: () => Promise<DeclaredQueries>;
  /** Runs every transaction body twice and discards the first run's writes: shows that bodies are pure. For tests. */
  runBodiesTwice?: boolean;
}

interface Store {
  database: Libsql.Database;
  declared: DeclaredQueries;
}

/** Firestore removes expired documents within about a day; so that nobody relies on more, this store waits a day. */
const purgeDelayMs = 24 * 3_600_000;
const purgePauseMs = 60_000;
const purgeBatch = 500;

/**
 * Documents in one SQLite file of one process. Opened at first use; transaction bodies run one at a time, each commit
 * is on disk before it is acknowledged. Reads outside transactions see the last commit and wait for nobody.
 */
export function sqliteDocuments(options: SqliteDocumentsOptions): Documents {
  let opening: Promise<Store> | undefined;
  let isClosed = false;
  let lastTransaction: Promise<unknown> = Promise.resolve();
  const purge = purging(options.clock);

  async function store(): Promise<Store> {
    if (isClosed) throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store is closed.", { retryable: true });
    opening ??= open(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function readAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> {
    for (const path of paths) assertDocumentPath(path);
    return snapshots<T>(await store(), paths, options.clock.now());
  }

  const reads: TransactionReads = {
    getAll: readAll,
    list: async <T extends object>(query: Query) => page<T>(await store(), query, options.clock.now()),
  };

  async function transact<R>(body: (tx: Transaction) => Promise<R>): Promise<R> {
    const { database } = await store();
    if (options.runBodiesTwice) await runBody(body, reads);
    const { result, writes } = await runBody(body, reads);
    if (writes.length > 0) {
      const now = options.clock.now();
      commit(database, () => {
        for (const write of writes) apply(database, write, now.toISOString());
        purge(database, now);
      });
    }
    return result;
  }

  return {
    getAll: readAll,
    get: async <T extends object>(path: string) => onlyOne(await readAll<T>([path])),
    list: reads.list,
    transaction: async (body) => {
      assertNotNested();
      const turn = lastTransaction.then(() => transact(body));
      lastTransaction = turn.catch(() => undefined);
      return turn;
    },
    close: async () => {
      await lastTransaction;
      isClosed = true;
      const opened = await opening?.catch(() => undefined);
      if (opened !== undefined) closeStore(opened.database);
      opening = undefined;
    },
  };
}

async function open({ file, declared }: SqliteDocumentsOptions): Promise<Store> {
  const queries = await declared();
  return { database: await openStore(file, queries), declared: queries };
}

function commit(database: Libsql.Database, writes: () => void): void {
  try {
    inOneCommit(database, writes);
  } catch (cause) {
    const isDisk = /^SQLITE_(FULL|IOERR|BUSY|CANTOPEN|READONLY)/.test(sqliteCode(cause));
    if (!isDisk) throw cause;
    throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store could not write to disk.", {
      retryable: true,
      cause,
    });
  }
}

function apply(database: Libsql.Database, write: Write, now: string): void {
  if (write.kind === "delete") {
    database.prepare("DELETE FROM documents WHERE path = ?").run([write.path]);
    return;
  }
  const values = [write.path, collectionOf(write.path), JSON.stringify(write.body), now, now, expiry(write.body)];
  // An upsert of a create would hide that the path is taken; DO NOTHING then leaves no changed row.
  const onConflict =
    write.kind === "create"
      ? "DO NOTHING"
      : `DO UPDATE SET body = excluded.body, version = version + 1, updated_at = excluded.updated_at,
           expires_at = excluded.expires_at`;
  const { changes } = database
    .prepare(
      `INSERT INTO documents (path, collection, body, version, created_at, updated_at, expires_at)
       VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (path) ${onConflict}`,
    )
    .run(values);
  if (changes === 0) throw new AppError("DOCUMENT_EXISTS", `${write.path} exists already.`);
}

function expiry(body: JsonObject): string | null {
  const expireAt = body["expireAt"];
  return typeof expireAt === "string" ? new Date(expireAt).toISOString() : null;
}

function purging(clock: Clock): (database: Libsql.Database, now: Date) => void {
  let last = clock.now().getTime();
  return (database, now) => {
    if (now.getTime() - last < purgePauseMs) return;
    last = now.getTime();
    const before = new Date(now.getTime() - purgeDelayMs).toISOString();
    const expired = "SELECT path FROM documents WHERE expires_at <= ? ORDER BY expires_at LIMIT ?";
    database.prepare(`DELETE FROM documents WHERE path IN (${expired})`).run([before, purgeBatch]);
  };
}

function snapshots<T extends object>({ database }: Store, paths: readonly string[], readAt: Date): Snapshot<T>[] {
  const statement = database
    .prepare("SELECT path, body, version, created_at, updated_at FROM documents WHERE path = ?")
    .raw();
  return paths.map((path) => {
    const row: unknown = statement.get([path]);
    if (Array.isArray(row)) return snapshot<T>(row, readAt);
    return { path, body: undefined, version: 0, createdAt: undefined, updatedAt: undefined, readAt };
  });
}

function page<T extends object>({ database, declared }: Store, query: Query, readAt: Date): Page<T> {
  const { sql, values } = pageStatement(declared.assertDeclared(query), query);
  const rows = database
    .prepare(sql)
    .raw()
    .all([...values])
    .filter(Array.isArray);
  const documents = rows.slice(0, query.limit).map((row) => snapshot<T>(row, readAt));
  const last = documents.at(-1);
  if (rows.length <= query.limit || last === undefined) return { documents, next: undefined, readAt };
  const fields = (query.orderBy ?? []).map((order) => order.field);
  return {
    documents,
    next: encodeCursor({ values: orderValues(rows[query.limit - 1] ?? [], fields), path: last.path }),
    readAt,
  };
}

function snapshot<T extends object>(row: readonly unknown[], readAt: Date): Snapshot<T> & { body: T } {
  const [path, body, version, createdAt, updatedAt] = row;
  return {
    path: String(path),
    // The port's promise: the body is what its writer put there under this path.
    body: JSON.parse(String(body)) as T,
    version: Number(version),
    createdAt: String(createdAt),
    updatedAt: String(updatedAt),
    readAt,
  };
}
