import type Libsql from "libsql";
import { AppError } from "#shared/runtime/errors.ts";
import type { Clock } from "../clock.ts";
import { assertNotNested, onlyOne, runBody, type TransactionReads, type Write } from "./buffered-transaction.ts";
import type { DeclaredQueries } from "./declared-queries.ts";
import { assertDocumentPath, collectionOf, type JsonObject } from "./document-rules.ts";
import type { Documents, Page, Query, Snapshot, Transaction } from "./documents.ts";
import { encodeCursor } from "./query-cursor.ts";
import { type SharedCommits, sharedCommits } from "./sqlite-commits.ts";
import { orderValues, pageStatement } from "./sqlite-query.ts";
import { type Prepare, preparedOnce } from "./sqlite-statements.ts";
import { closeStore, openStore } from "./sqlite-store.ts";

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
  prepare: Prepare;
  /** Now and then deletes what has expired. */
  purge: (now: Date) => void;
  commits: SharedCommits;
  declared: DeclaredQueries;
}

/** Firestore removes expired documents within about a day; so that nobody relies on more, this store waits a day. */
const purgeDelayMs = 24 * 3_600_000;
const purgePauseMs = 60_000;
const purgeBatch = 500;

/**
 * Documents in one SQLite file of one process. Opened at first use; transaction bodies run one at a time, and each is on
 * disk before it is acknowledged. Reads outside transactions see the last commit and wait for no body.
 */
export function sqliteDocuments(options: SqliteDocumentsOptions): Documents {
  let opening: Promise<Store> | undefined;
  let isClosed = false;
  let lastTransaction: Promise<unknown> = Promise.resolve();

  function refuseClosed(): void {
    if (isClosed) throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store is closed.", { retryable: true });
  }

  async function store(): Promise<Store> {
    refuseClosed();
    opening ??= open(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  /** Reads what is on disk: nothing is applied and not committed when it looks. */
  async function outside<R>(read: (opened: Store, readAt: Date) => R): Promise<R> {
    const opened = await store();
    await opened.commits.settled();
    refuseClosed();
    opened.commits.flush();
    return read(opened, options.clock.now());
  }

  async function readAll<T extends object>(paths: readonly string[]): Promise<Snapshot<T>[]> {
    for (const path of paths) assertDocumentPath(path);
    return outside((opened, readAt) => snapshots<T>(opened, paths, readAt));
  }

  const inside: TransactionReads = {
    getAll: async <T extends object>(paths: readonly string[]) =>
      snapshots<T>(await store(), paths, options.clock.now()),
    list: async <T extends object>(query: Query) => page<T>(await store(), query, options.clock.now()),
  };

  async function transact<R>(body: (tx: Transaction) => Promise<R>): Promise<{ result: R; onDisk: Promise<void> }> {
    const { prepare, purge, commits } = await store();
    const seen = commits.losses();
    if (options.runBodiesTwice) await told(runBody(body, inside), seen, commits);
    const { result, writes } = await told(runBody(body, inside), seen, commits);
    if (writes.length === 0) return { result, onDisk: commits.onDisk(seen) };
    const now = options.clock.now();
    const write = async (): Promise<{ onDisk: Promise<void> }> =>
      commits.write(seen, () => {
        for (const each of writes) apply(prepare, each, now.toISOString());
        purge(now);
      });
    const { onDisk } = await told(write(), seen, commits);
    return { result, onDisk };
  }

  return {
    getAll: readAll,
    get: async <T extends object>(path: string) => onlyOne(await readAll<T>([path])),
    list: async <T extends object>(query: Query) => outside((opened, readAt) => page<T>(opened, query, readAt)),
    transaction: async (body) => {
      assertNotNested();
      const turn = lastTransaction.then(() => transact(body));
      lastTransaction = turn.catch(() => undefined);
      const { result, onDisk } = await turn;
      await onDisk;
      return result;
    },
    close: async () => {
      await lastTransaction;
      isClosed = true;
      const opened = await opening?.catch(() => undefined);
      opened?.commits.flush();
      if (opened !== undefined) closeStore(opened.database);
      opening = undefined;
    },
  };
}

/** A refusal too rests on what was found, by the body or by its writes: it is told when that is on disk. */
async function told<R>(running: Promise<R>, seen: number, commits: SharedCommits): Promise<R> {
  try {
    return await running;
  } catch (error) {
    await commits.onDisk(seen);
    throw error;
  }
}

async function open({ file, declared, clock }: SqliteDocumentsOptions): Promise<Store> {
  const queries = await declared();
  const database = await openStore(file, queries);
  const prepare = preparedOnce(database);
  const purge = purging(clock, prepare);
  return { database, prepare, purge, commits: sharedCommits(database, prepare), declared: queries };
}

const columns = "path, collection, body, version, created_at, updated_at, expires_at";
const insert = `INSERT INTO documents (${columns}) VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (path)`;
const statements = {
  get: "SELECT path, body, version, created_at, updated_at FROM documents WHERE path = ?",
  delete: "DELETE FROM documents WHERE path = ?",
  /** An upsert of a create would hide that the path is taken; DO NOTHING then leaves no changed row. */
  create: `${insert} DO NOTHING`,
  set: `${insert} DO UPDATE SET body = excluded.body, version = version + 1, updated_at = excluded.updated_at,
    expires_at = excluded.expires_at`,
  purge: `DELETE FROM documents WHERE path IN
    (SELECT path FROM documents WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
};

function apply(prepare: Prepare, write: Write, now: string): void {
  if (write.kind === "delete") {
    prepare(statements.delete).run([write.path]);
    return;
  }
  const values = [write.path, collectionOf(write.path), JSON.stringify(write.body), now, now, expiry(write.body)];
  const { changes } = prepare(statements[write.kind]).run(values);
  if (changes === 0) throw new AppError("DOCUMENT_EXISTS", `${write.path} exists already.`);
}

function expiry(body: JsonObject): string | null {
  const expireAt = body["expireAt"];
  return typeof expireAt === "string" ? new Date(expireAt).toISOString() : null;
}

function purging(clock: Clock, prepare: Prepare): Store["purge"] {
  let last = clock.now().getTime();
  return (now) => {
    if (now.getTime() - last < purgePauseMs) return;
    last = now.getTime();
    const before = new Date(now.getTime() - purgeDelayMs).toISOString();
    prepare(statements.purge).run([before, purgeBatch]);
  };
}

function snapshots<T extends object>({ prepare }: Store, paths: readonly string[], readAt: Date): Snapshot<T>[] {
  const statement = prepare(statements.get).raw();
  return paths.map((path) => {
    const row: unknown = statement.get([path]);
    if (Array.isArray(row)) return snapshot<T>(row, readAt);
    return { path, body: undefined, version: 0, createdAt: undefined, updatedAt: undefined, readAt };
  });
}

function page<T extends object>({ prepare, declared }: Store, query: Query, readAt: Date): Page<T> {
  const { sql, values } = pageStatement(declared.assertDeclared(query), query);
  const rows = prepare(sql)
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
