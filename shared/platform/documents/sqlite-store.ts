import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type Libsql from "libsql";
import { AppError } from "#shared/runtime/errors.ts";
import type { DeclaredQueries } from "./declared-queries.ts";
import { indexStatement } from "./sqlite-query.ts";

const table = `CREATE TABLE IF NOT EXISTS documents (
  path TEXT PRIMARY KEY,
  collection TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  expires_at TEXT
) WITHOUT ROWID`;
const expiryIndex =
  "CREATE INDEX IF NOT EXISTS documents_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL";

/**
 * Opens or creates the file (`:memory:` for none) and brings table and indexes to the declarations. The exclusive lock
 * keeps a second process out while this one lives and ends with it, kill -9 included. Throws `DOCUMENTS_LOCKED`.
 */
export async function openStore(file: string, declared: DeclaredQueries): Promise<Libsql.Database> {
  const { default: Database } = await import("libsql");
  if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  try {
    // Before the journal mode, so that SQLite never opens the WAL's shared memory for others.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    inOneCommit(database, () => {
      database.exec(table);
      database.exec(expiryIndex);
      alignIndexes(database, declared);
    });
    return database;
  } catch (cause) {
    database.close();
    throw isBusy(cause) ? locked(file, cause) : cause;
  }
}

/**
 * Gives the file free. The binding keeps a closed connection, and with it the lock, until its statements are collected;
 * leaving the WAL and taking one unlocked read gives the lock back at once, and leaves one file without a journal.
 */
export function closeStore(database: Libsql.Database): void {
  try {
    database.pragma("journal_mode = DELETE");
    database.pragma("locking_mode = NORMAL");
    database.prepare("SELECT 1 FROM documents LIMIT 1").all([]);
  } finally {
    database.close();
  }
}

/** Runs the writes in one synchronous `BEGIN IMMEDIATE ... COMMIT`; nothing of them stays when one throws. */
function inOneCommit(database: Libsql.Database, writes: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    writes();
    database.exec("COMMIT");
  } catch (error) {
    // A commit that failed on a full disk has already rolled back by itself.
    if (database.inTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Index names carry the hash of their statement: a changed declaration is a new index, a removed one is dropped. */
function alignIndexes(database: Libsql.Database, declared: DeclaredQueries): void {
  const wanted = new Map(declared.queries.map((query) => [indexName(indexStatement("", query)), query]));
  const rows = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'declared_%'")
    .raw()
    .all([]);
  const present = new Set(rows.map((row) => (Array.isArray(row) ? String(row[0]) : "")));
  for (const name of present) if (!wanted.has(name)) database.exec(`DROP INDEX "${name}"`);
  for (const [name, query] of wanted) if (!present.has(name)) database.exec(indexStatement(name, query));
}

function indexName(statement: string): string {
  return `declared_${createHash("sha256").update(statement).digest("hex").slice(0, 16)}`;
}

function isBusy(error: unknown): boolean {
  return sqliteCode(error).startsWith("SQLITE_BUSY") || sqliteCode(error).startsWith("SQLITE_LOCKED");
}

/** SQLite's name of an error, empty for any other error. */
export function sqliteCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : "";
}

function locked(file: string, cause: unknown): AppError {
  const advice = "Stop the other process that uses this folder, or give this one a folder of its own.";
  return new AppError("DOCUMENTS_LOCKED", `${file} is in use by another process. ${advice}`, { cause });
}
